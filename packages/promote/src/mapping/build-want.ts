import { type CloudInstances, type Config, logstoresOf, type Plan, type TargetConfig } from '@sampan/config';
import type { ComposeProject, ComposeService } from '../compose/model.ts';
import { buildApplication } from './application.ts';
import { destinationsOf, type Placement, placeServices } from './destinations.ts';
import { namedSecret } from './dify-secrets.ts';
import { mapEnvironment } from './environment.ts';
import { mapMounts } from './mounts.ts';
import { imageTag, type Role, roleOf } from './roles.ts';
import { addScaling } from './scaling.ts';
import { isSecretVariable } from './secret-values.ts';
import { createSharedSecrets, type SharedSecrets } from './shared-secrets.ts';
import type { Vault } from './vault.ts';
import type { Ledger } from './verdict.ts';
import type { Promotion, Want, WantApplication, WantDatabase } from './want.ts';

export interface BuildOptions {
  readonly project: ComposeProject;
  readonly config: Config;
  readonly targetName: string;
  readonly target: TargetConfig;
  readonly plan: Plan;
  readonly vault: Vault;
  readonly ledger: Ledger;
  readonly readFile?: (path: string) => string | undefined;
}

interface Build extends BuildOptions {
  readonly roles: ReadonlyMap<string, Role>;
  readonly placements: ReadonlyMap<string, Placement>;
  readonly enabled: readonly ComposeService[];
  readonly isDify: boolean;
  readonly isManaged: boolean;
  readonly usesSls: boolean;
  readonly usesTablestore: boolean;
  readonly sharedSecrets: SharedSecrets;
  readonly edge: Want['edge'];
  readonly weakSecrets: Promotion['weakSecrets'][number][];
  readonly deadReferences: Promotion['deadReferences'][number][];
  readonly exposedSecrets: Promotion['exposedSecrets'][number][];
}

/** Decides what the target shall contain, and writes what becomes of each key into the ledger. */
export function buildWant(options: BuildOptions): Promotion {
  const build = prepare(options);
  for (const service of options.project.services) recordPlacement(service, build);
  const applications = build.enabled.flatMap((service) => applicationOf(service, build) ?? []);
  const scaled = options.target.edition === 'test' ? applications : addScaling(applications, options.plan);
  const volumes = [
    ...new Set(scaled.flatMap((application) => application.mounts.map((mount) => mount.volume))),
  ];
  recordTopLevel(build, volumes);
  const { plan, config } = options;
  return {
    project: options.project,
    targetName: options.targetName,
    target: options.target,
    plan,
    instances: plan.cloud?.instances ?? [],
    roles: build.roles,
    services: build.enabled,
    want: {
      prefix: config.name,
      isDify: build.isDify,
      applications: scaled,
      database: databaseOf(build),
      redis: has(build, 'redis') ? { class: plan.cloud?.redis?.class ?? 'redis.shard.mid.2.ce' } : undefined,
      usesTablestore: build.usesTablestore,
      usesSls: build.usesSls,
      collectsLogs: options.target.sls,
      logstores: build.usesSls ? logstoresFor(config) : [],
      edge: build.edge,
      volumes,
      natMbps: plan.cloud?.natMbps ?? 5,
    },
    weakSecrets: build.weakSecrets,
    deadReferences: build.deadReferences,
    exposedSecrets: build.exposedSecrets,
  };
}

function prepare(options: BuildOptions): Build {
  const { project, target, config } = options;
  const roles = new Map(project.services.map((service) => [service.name, roleOf(service)]));
  const enabled = project.services.filter((service) => service.isEnabled);
  const isDify = enabled.some((service) => roles.get(service.name) === 'api');
  const isManaged = target.edition !== 'test';
  const placements = placeServices({
    services: project.services,
    roles,
    isManaged,
    isDify,
    prefix: config.name,
  });
  const usesTablestore = isManaged && isDify;
  return {
    ...options,
    roles,
    placements,
    enabled,
    isDify,
    isManaged,
    usesSls: isDify && target.sls && isManaged,
    usesTablestore,
    sharedSecrets: createSharedSecrets(enabled, roles),
    edge: edgeOf(enabled, roles),
    weakSecrets: [],
    deadReferences: [],
    exposedSecrets: [],
  };
}

const has = (build: Build, kind: Placement['kind']): boolean =>
  [...build.placements.values()].some((placement) => placement.kind === kind);

const webPorts = [80, 8080, 3000, 8000, 5000];

/** The service behind the load balancer: the reverse proxy, else the first that publishes a port of the web. */
function edgeOf(services: readonly ComposeService[], roles: ReadonlyMap<string, Role>): Want['edge'] {
  const published = services.flatMap((service) =>
    service.ports.filter((port) => port.protocol === 'tcp').map((port) => ({ service, port })),
  );
  const stores: readonly Role[] = ['postgres', 'redis', 'mysql', 'database', 'vector', 'init'];
  const open = published.filter(({ service }) => !stores.includes(roles.get(service.name) ?? 'app'));
  const chosen =
    open.find(({ service }) => roles.get(service.name) === 'nginx') ??
    open.find(({ port }) => webPorts.includes(port.published ?? port.target)) ??
    open[0];
  return chosen === undefined ? undefined : { service: chosen.service.name, port: chosen.port.target };
}

function applicationOf(service: ComposeService, build: Build): WantApplication | undefined {
  const placement = build.placements.get(service.name);
  if (placement?.kind !== 'application') return undefined;
  const role = build.roles.get(service.name) ?? 'app';
  const instances = instancesFor(role, build);
  const component = build.plan.components.find((entry) => entry.name === role);
  const variables = mapEnvironment({
    service,
    role,
    isDify: build.isDify,
    destinations: destinationsOf(build.placements, build.roles),
    vault: build.vault,
    sharedSecrets: build.sharedSecrets,
    component: build.isDify ? component : undefined,
    usesSls: build.usesSls,
    usesTablestore: build.usesTablestore,
    usesRds: has(build, 'rds'),
    ledger: build.ledger,
    weakSecrets: build.weakSecrets,
    deadReferences: build.deadReferences,
  });
  const { mounts, files } = mapMounts({
    service,
    role,
    root: build.project.root,
    isDify: build.isDify,
    ledger: build.ledger,
    readFile: build.readFile,
  });
  recordPorts(service, build);
  if (service.hasBuild && service.image !== undefined) {
    build.ledger.set(
      `${service.path}.build`,
      {
        status: 'approximated',
        target: 'Application.ImageUrl',
        reason: 'the image it is built as must be in a registry',
      },
      { below: true },
    );
  }
  return buildApplication({
    service,
    role,
    name: placement.name,
    isDify: build.isDify,
    instances,
    component,
    variables,
    mounts,
    files,
    hostOf: (wanted) => hostOf(wanted, build),
    serviceOf: (wanted) => build.enabled.find(({ name }) => build.roles.get(name) === wanted)?.name,
    edgePort: build.edge?.service === service.name ? build.edge.port : undefined,
    maxConnections: build.isDify && role === 'postgres' ? build.plan.postgresMaxConnections : undefined,
    secrets: plainSecrets(build),
    ledger: build.ledger,
    exposed: build.exposedSecrets,
  });
}

function instancesFor(role: Role, build: Build): CloudInstances | undefined {
  return build.isDify ? build.plan.cloud?.instances.find((entry) => entry.service === role) : undefined;
}

function hostOf(role: Role, build: Build): string | undefined {
  for (const [service, placement] of build.placements) {
    if (placement.kind === 'application' && build.roles.get(service) === role) return placement.name;
  }
  return undefined;
}

/** Secret texts of the input that are long enough to be told from ordinary words. */
function plainSecrets(build: Build): string[] {
  const values = build.enabled.flatMap((service) =>
    service.environment.flatMap(({ name, value }) => {
      if (value === null || value.length < 6) return [];
      const role = build.roles.get(service.name) ?? 'app';
      const isSecret = isSecretVariable(name, value) || namedSecret(name, role, build.isDify) !== undefined;
      return isSecret ? [value] : [];
    }),
  );
  return [...new Set(values)];
}

function recordPlacement(service: ComposeService, build: Build): void {
  const { ledger } = build;
  const placement = build.placements.get(service.name);
  switch (placement?.kind) {
    case 'application':
      ledger.set(service.path, {
        status: 'mapped',
        target: `SAE::Application ${placement.name}`,
        reason: 'runs as an SAE application',
      });
      return;
    case 'none':
      ledger.set(service.path, { status: 'dropped', reason: placement.reason }, { below: true });
      return;
    case 'tablestore':
      ledger.set(
        service.path,
        {
          status: 'approximated',
          target: 'OTS::Instance VectorStore',
          reason: 'Tablestore replaces the vector store; knowledge bases must be indexed again',
        },
        { below: true },
      );
      return;
    default:
      recordManaged(service, build, placement?.kind === 'rds' ? 'rds' : 'redis');
  }
}

function recordManaged(service: ComposeService, { ledger }: Build, kind: 'rds' | 'redis'): void {
  const name = kind === 'rds' ? 'RDS PostgreSQL' : 'Redis';
  const target = kind === 'rds' ? 'RDS::DBInstance Database' : 'REDIS::Instance Redis';
  ledger.set(
    service.path,
    {
      status: 'approximated',
      target,
      reason: `${name}, managed, replaces the container; its data is not moved`,
    },
    { below: true },
  );
  for (const key of ['restart', 'healthcheck', 'command', 'entrypoint']) {
    ledger.set(
      `${service.path}.${key}`,
      { status: 'dropped', reason: `${name} is run by the vendor; its class decides the settings` },
      { below: true },
    );
  }
  for (const variable of service.environment) {
    const isPassword = /PASSWORD|AUTH/.test(variable.name);
    const isDatabase = variable.name === 'POSTGRES_DB';
    ledger.set(
      variable.path,
      isPassword
        ? {
            status: 'mapped',
            target: kind === 'rds' ? 'DatabasePassword' : 'RedisPassword',
            reason: 'a NoEcho parameter',
          }
        : isDatabase
          ? { status: 'mapped', target: 'RDS::Database', reason: 'the database is made with the instance' }
          : variable.name === 'POSTGRES_USER'
            ? { status: 'approximated', target: 'DatabaseUser', reason: 'the account of the instance' }
            : { status: 'dropped', reason: `${name} is run by the vendor` },
    );
  }
}

function recordPorts(service: ComposeService, { ledger, edge }: Build): void {
  for (const port of service.ports) {
    const isEdge = edge?.service === service.name && edge.port === port.target;
    ledger.set(
      port.path,
      isEdge
        ? {
            status: 'approximated',
            target: 'SAE::SlbBinding',
            reason: `port ${port.target} behind the load balancer`,
          }
        : port.protocol === 'udp'
          ? { status: 'blocked', reason: 'UDP has no listener in SAE', advice: 'Run this service on ECS.' }
          : {
              status: 'approximated',
              target: 'Application.PvtzDiscoverySvc',
              reason: 'reachable inside the VPC only; the edge service alone is published',
            },
      { below: true },
    );
  }
}

function recordTopLevel({ ledger, project }: Build, volumes: readonly string[]): void {
  const declared = project.root.entries.find((entry) => entry.key === 'volumes')?.node;
  if (declared?.kind !== 'map') return;
  for (const entry of declared.entries) {
    if (volumes.includes(entry.key)) continue;
    ledger.set(
      `volumes.${entry.key}`,
      {
        status: 'dropped',
        reason: 'nothing that is promoted as an application mounts it',
      },
      { below: true },
    );
  }
}

function databaseOf(build: Build): WantDatabase | undefined {
  const found = [...build.placements].find(([, placement]) => placement.kind === 'rds');
  if (found === undefined) return undefined;
  const service = build.enabled.find((entry) => entry.name === found[0]);
  const { config, target, plan } = build;
  const rds = plan.cloud?.rds;
  const own = service?.environment.find((variable) => variable.name === 'POSTGRES_DB')?.value;
  const plugin = build.enabled
    .filter((entry) => build.roles.get(entry.name) === 'pluginDaemon')
    .flatMap((entry) => entry.environment.find((variable) => variable.name === 'DB_DATABASE')?.value ?? []);
  const names = build.isDify
    ? [
        own ?? config.postgres.databases.dify,
        ...(plugin.length > 0 ? plugin : [config.postgres.databases.plugin]),
      ]
    : [own ?? 'app'];
  return {
    class: rds?.class ?? 'pg.n4.2c.2m',
    storageGb: target.postgres.storageGb,
    engineVersion: engineVersionOf(service?.image ?? ''),
    databases: [...new Set(names)],
    maxConnections: rds?.maxConnections ?? 0,
  };
}

/** RDS offers PostgreSQL 13 to 17; other majors become the newest. */
function engineVersionOf(image: string): string {
  const major = Number(/^(?:pg)?(\d+)/.exec(imageTag(image) ?? '')?.[1] ?? 17);
  return `${major >= 13 && major <= 17 ? major : 17}.0`;
}

function logstoresFor(config: Config): Want['logstores'] {
  return logstoresOf(config).map(({ name, shards, ttlDays }) => ({ name, shards, ttlDays }));
}
