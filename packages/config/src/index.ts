export { formatPath, hasErrors, renderProblems } from './diagnostics.ts';
export { configErrors } from './errors.ts';
export { assertNoDrift, checkDrift, type Drift } from './generate/drift.ts';
export {
  type ProxyComponentOptions,
  type ProxyOptionsFile,
  proxyOptionsFile,
  type SlsOptionsFile,
  slsOptionsFile,
} from './generate/engine-options.ts';
export type { GeneratedFile } from './generate/file.ts';
export { type GenerateOptions, generate } from './generate/generate.ts';
export { type StackSecrets, secretVariables } from './generate/secrets.ts';
export { logstoreRepositories, slsEnvironment } from './generate/sls-environment.ts';
export { type Environment, variableOf } from './load/environment.ts';
export { type ConfigSource, type LoadedConfig, loadConfig, requireConfig } from './load/load.ts';
export {
  type CloudInstances,
  type CloudPlan,
  type CloudService,
  type ComponentPlan,
  type Invariant,
  type NumberSource,
  type Plan,
  type PlanNumber,
  type ProxyPlan,
  type ProxyShare,
  planValue,
} from './plan/plan.ts';
export { type PlanQuestion, planFor, planOf } from './plan/planner.ts';
export {
  type InstanceSize,
  type PostgresSize,
  type PublishedSize,
  postgresClasses,
  publishedSizes,
  publishedSizesSource,
  type RedisSize,
  redisClasses,
  type SizedService,
} from './plan/published-sizes.ts';
export { explain, formatNumber, renderPlan } from './plan/render.ts';
export { isLegalSize, nearestLegalSizes, saeSizes } from './plan/sae-sizes.ts';
export type { KeyPath, Position, Problem, ProblemCode } from './problem.ts';
export { type ComponentName, componentNames } from './schema/components.ts';
export {
  type Config,
  type ConfigInput,
  configSchema,
  defaultConfig,
  type TargetConfig,
} from './schema/schema.ts';
export { type Edition, editions, type LoadClass, loadClasses } from './schema/targets.ts';
export {
  difyIndex,
  type IndexKey,
  type LogstoreOptions,
  logstoresOf,
  type SlsIndex,
} from './sls/dify-index.ts';
