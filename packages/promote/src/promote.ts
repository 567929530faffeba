import { type Config, type Plan, planFor } from '@sampan/config';
import type { EnvFile } from './compose/env-file.ts';
import type { ComposeProject } from './compose/model.ts';
import type { ComposeFile } from './compose/parse-yaml.ts';
import { readCompose } from './compose/read.ts';
import { estimateCost } from './cost.ts';
import type { Finding } from './findings/finding.ts';
import { findAll } from './findings/rules.ts';
import { buildWant } from './mapping/build-want.ts';
import { type Coverage, coverTree } from './mapping/coverage.ts';
import { databasePassword, namedSecret, redisPassword } from './mapping/dify-secrets.ts';
import { connectionsOf } from './mapping/scaling.ts';
import {
  isSecretName,
  isSecretVariable,
  isStandIn,
  standInFor,
  weaknessOf,
} from './mapping/secret-values.ts';
import { createVault, type RandomSource, type Vault } from './mapping/vault.ts';
import { createLedger } from './mapping/verdict.ts';
import type { Promotion } from './mapping/want.ts';
import { planSteps } from './plan.ts';
import type { Problem } from './problem.ts';
import type { ConnectionBudget, PromotionReport } from './report.ts';
import { type PromotionState, stateOfTemplate } from './state.ts';
import { emitTemplate, templateText } from './template/emit.ts';
import type { TemplateParameter } from './template/parameters.ts';

export interface PromoteOptions {
  readonly composeFiles: readonly ComposeFile[];
  readonly envFiles: readonly EnvFile[];
  readonly config: Config;
  /** Name below `targets:` of the configuration. */
  readonly target: string;
  /** Active profiles. Absent: `COMPOSE_PROFILES` of the env files. */
  readonly profiles?: readonly string[];
  /** What the last promotion to this target made. Absent: nothing exists. */
  readonly previousState?: PromotionState;
  /** Values of earlier promotions, from `secrets.json`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Text of a file that the Compose file mounts or names, by the path as written there. */
  readonly readFile?: (path: string) => string | undefined;
  readonly random?: RandomSource;
}

export interface PromoteResult {
  /** `template.ros.yaml`; `undefined` when the input has errors. */
  readonly template: string | undefined;
  /** `parameters.json`: values that are no secrets, and by name which ones are. */
  readonly parameters: string | undefined;
  readonly report: PromotionReport;
  /** `secrets.json`, to be written with mode 0600: every secret of this environment. */
  readonly secrets: Readonly<Record<string, string>>;
  /** 0 fine, 1 the input has errors, 2 findings block. */
  readonly exitCode: 0 | 1 | 2;
}

/** Name under which the vault keeps the end of names that must be unique beyond the account. It is no secret. */
const environmentIdKey = 'EnvironmentId';

/**
 * Turns a Compose project into a ROS template, its parameters and a report. Pure but for the random source: it reads
 * and writes nothing, and never throws for bad input. `CONFIG_TARGET_UNKNOWN` of the configuration passes through.
 */
export function promote(options: PromoteOptions): PromoteResult {
  const plan = planFor({ config: options.config, target: options.target });
  const stored = options.secrets ?? {};
  const project = readCompose({
    composeFiles: options.composeFiles,
    envFiles: options.envFiles,
    ...(options.profiles === undefined ? {} : { profiles: options.profiles }),
    ...(options.readFile === undefined ? {} : { readFile: options.readFile }),
    secretFor: (name) => (isSecretName(name) ? standInFor(name) : undefined),
  });
  const hasService = project.services.some((service) => service.isEnabled);
  const errors: readonly Problem[] =
    project.problems.length > 0 || hasService ? project.problems : [noService(project)];
  if (errors.length > 0) return failed(options, { plan, project, errors });
  return succeeded(options, { plan, project, vault: createVault({ stored, ...randomOf(options) }) });
}

const randomOf = ({ random }: PromoteOptions): { random?: RandomSource } =>
  random === undefined ? {} : { random };

function noService(project: ComposeProject): Problem {
  return {
    code: 'PROMOTE_COMPOSE_EMPTY',
    message: `none of the ${project.services.length} services is active`,
    hint: 'Set COMPOSE_PROFILES in the env file.',
    position: project.root.position,
  };
}

interface Read {
  readonly plan: Plan;
  readonly project: ComposeProject;
}

function failed(options: PromoteOptions, read: Read & { errors: readonly Problem[] }): PromoteResult {
  const empty = { items: [], unknownKeys: [] };
  const report: PromotionReport = {
    ...reportHead(options, read, { coverage: empty, findings: [], exitCode: 1 }),
    errors: read.errors,
    applications: [],
    managed: [],
    plan: [],
    cost: null,
    connections: null,
    secrets: [],
    state: null,
  };
  return { template: undefined, parameters: undefined, report, secrets: options.secrets ?? {}, exitCode: 1 };
}

function succeeded(options: PromoteOptions, read: Read & { vault: Vault }): PromoteResult {
  const { plan, project, vault } = read;
  const target = options.config.targets[options.target];
  if (target === undefined)
    throw new Error(`planFor accepted the target ${options.target} that does not exist`);
  const ledger = createLedger();
  const promotion = buildWant({
    project,
    config: options.config,
    targetName: options.target,
    target,
    plan,
    vault,
    ledger,
    ...(options.readFile === undefined ? {} : { readFile: options.readFile }),
  });
  claimManaged(promotion, vault);
  const environmentId = environmentIdOf(options);
  const { template, parameters } = emitTemplate(promotion, { environmentId, slots: vault.slots });
  const text = templateText(template);
  const coverage = coverTree(project.root, ledger);
  const findings = findAll({
    promotion,
    coverage,
    templateText: text,
    parameterCount: parameters.length,
    secretValues: secretValues(promotion, vault),
    weakValues: weakValues(promotion),
  });
  const cost = estimateCost(promotion.want);
  const connections = budgetOf(promotion);
  const state = stateOfTemplate(template, {
    parameters: Object.fromEntries(
      parameters.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
    ),
    monthlyCost: cost.knownMonthly,
    connections: connections.planned,
  });
  const exitCode = findings.some(({ severity }) => severity === 'block') ? 2 : 0;
  const had = options.previousState;
  const report: PromotionReport = {
    ...reportHead(options, read, { coverage, findings, exitCode }),
    errors: [],
    applications: promotion.want.applications.map((application) => ({
      service: application.service,
      name: application.name,
      role: application.role,
      image: application.image,
      cpu: application.cpu,
      memory: application.memory,
      replicas: application.replicas,
      maxReplicas: application.scaling?.maxReplicas ?? application.replicas,
      sizeSource: application.sizeSource,
    })),
    managed: managedOf(promotion),
    plan: planSteps({ want: state, have: had }),
    cost: { ...cost, changeMonthly: cost.knownMonthly - (had?.monthlyCost ?? 0) },
    connections,
    secrets: vault.slots.map(({ name, description, origin }) => ({ name, description, origin })),
    state,
  };
  return {
    template: text,
    parameters: parametersText(parameters),
    report,
    secrets: { ...vault.values(), [environmentIdKey]: environmentId },
    exitCode,
  };
}

function reportHead(
  options: PromoteOptions,
  { plan, project }: Read,
  outcome: { coverage: Coverage; findings: readonly Finding[]; exitCode: 0 | 1 | 2 },
): Pick<PromotionReport, 'version' | 'target' | 'input' | 'exitCode' | 'summary' | 'findings' | 'items'> {
  const { coverage, findings, exitCode } = outcome;
  const target = options.config.targets[options.target];
  const items = (status: string): number => coverage.items.filter((item) => item.status === status).length;
  const found = (severity: string): number =>
    findings.filter((finding) => finding.severity === severity).length;
  return {
    version: 1,
    target: {
      name: options.target,
      edition: target?.edition ?? '',
      region: target?.region ?? '',
      namespace: target?.namespace ?? '',
      qps: plan.qps,
      loadClass: plan.loadClass,
    },
    input: {
      files: options.composeFiles.map(({ path }) => path),
      envFiles: options.envFiles.map(({ path }) => path),
      profiles: project.profiles,
    },
    exitCode,
    summary: {
      mapped: items('mapped'),
      approximated: items('approximated'),
      dropped: items('dropped'),
      blocked: items('blocked'),
      findings: { block: found('block'), warn: found('warn'), info: found('info') },
    },
    findings,
    items: coverage.items,
  };
}

/** Managed stores need a password even when no variable of the input carries one. */
function claimManaged({ want, project, roles }: Promotion, vault: Vault): void {
  const wanted = [
    ...(want.database === undefined ? [] : [{ secret: databasePassword, role: 'postgres' as const }]),
    ...(want.redis === undefined ? [] : [{ secret: redisPassword, role: 'redis' as const }]),
  ];
  for (const { secret, role } of wanted) {
    const own = project.services
      .filter((service) => roles.get(service.name) === role && service.isEnabled)
      .flatMap((service) => service.environment)
      .find(({ name }) => namedSecret(name, role, false)?.slot === secret.slot)?.value;
    const given = own !== undefined && own !== null && weaknessOf(own) === undefined ? own : undefined;
    vault.claim({
      name: secret.slot,
      description: secret.description,
      kind: secret.kind,
      ...(given === undefined || !/^[A-Za-z0-9]{8,32}$/.test(given) ? {} : { given }),
    });
  }
}

/** Everything that must not stand in the template: what the vault holds, and the secrets of the input. */
function secretValues({ services }: Promotion, vault: Vault): string[] {
  const own = services.flatMap((service) =>
    service.environment.flatMap(({ name, value }) =>
      value !== null && isSecretVariable(name, value) && !isStandIn(value) && !isSetting(value)
        ? [value]
        : [],
    ),
  );
  const held = new Set(vault.slots.map(({ name }) => name));
  const stored = Object.entries(vault.values()).flatMap(([name, value]) => (held.has(name) ? [value] : []));
  return [...new Set([...own, ...stored])];
}

function weakValues({ services }: Promotion): Set<string> {
  const values = services.flatMap((service) =>
    service.environment.flatMap(({ name, value }) =>
      value !== null && isSecretVariable(name, value) && weaknessOf(value) !== undefined ? [value] : [],
    ),
  );
  return new Set(values);
}

/** Public and weak values appear in settings and names as well and are looked for variable by variable. */
function isSetting(value: string): boolean {
  const weakness = weaknessOf(value);
  return weakness !== undefined;
}

function environmentIdOf({ secrets, random }: PromoteOptions): string {
  const stored = secrets?.[environmentIdKey];
  if (stored !== undefined && /^[a-z0-9]{6}$/.test(stored)) return stored;
  const vault = createVault({ stored: {}, ...(random === undefined ? {} : { random }) });
  vault.claim({ name: environmentIdKey, description: '', kind: 'key' });
  return (vault.values()[environmentIdKey] ?? '').toLowerCase().slice(0, 6);
}

function budgetOf({ plan, want }: Promotion): ConnectionBudget {
  const factor = (component: string): number => {
    const application = want.applications.find(({ role }) => role === component);
    return application === undefined
      ? 1
      : (application.scaling?.maxReplicas ?? application.replicas) / application.replicas;
  };
  const full = plan.components.reduce(
    (sum, component) => sum + component.connections * factor(component.name),
    0,
  );
  return {
    planned: connectionsOf(plan),
    atFullScale: Math.ceil(full),
    serverMaximum: plan.postgresMaxConnections,
    route: plan.route,
    invariants: plan.invariants.map(({ title, formula, actual, limit, slack, status }) => ({
      title,
      formula,
      actual,
      limit,
      slack,
      status,
    })),
  };
}

function managedOf({ want }: Promotion): string[] {
  return [
    ...(want.database === undefined
      ? []
      : [`RDS PostgreSQL ${want.database.engineVersion} ${want.database.class}`]),
    ...(want.redis === undefined ? [] : [`Redis ${want.redis.class}`]),
    ...(want.usesTablestore ? ['Tablestore'] : []),
    ...(want.collectsLogs ? ['SLS'] : []),
    ...want.volumes.map((volume) => `NAS for ${volume}`),
  ];
}

/**
 * ROS's list of parameters. Secrets appear by reference into secrets.json, so that this file may be shown, compared
 * and kept; whoever deploys joins the two.
 */
function parametersText(parameters: readonly TemplateParameter[]): string {
  const entries = parameters.map(({ name, value, isSecret }) => {
    if (isSecret) return { ParameterKey: name, SecretRef: `secrets.json#/${name}` };
    return value === undefined
      ? { ParameterKey: name, Open: 'choose at the deployment' }
      : { ParameterKey: name, ParameterValue: value };
  });
  return `${JSON.stringify(entries, undefined, 2)}\n`;
}
