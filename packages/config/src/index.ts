export { configErrors } from './errors.ts';
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
  valueOf,
} from './plan/plan.ts';
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
