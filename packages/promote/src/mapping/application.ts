import { type CloudInstances, type ComponentPlan, nearestLegalSizes } from '@sampan/config';
import type { ComposeService } from '../compose/model.ts';
import { difyEdgeConfig, egressProxyConfig } from './edge-config.ts';
import { mapProbe } from './probes.ts';
import type { Role } from './roles.ts';
import type { Ledger } from './verdict.ts';
import type { Promotion, WantApplication, WantFile, WantMount, WantProbe, WantVariable } from './want.ts';

export interface ApplicationOptions {
  readonly service: ComposeService;
  readonly role: Role;
  readonly name: string;
  readonly isDify: boolean;
  readonly instances: CloudInstances | undefined;
  readonly component: ComponentPlan | undefined;
  readonly variables: readonly WantVariable[];
  readonly mounts: readonly WantMount[];
  readonly files: readonly WantFile[];
  /** Application name by role, for the configurations made here. */
  readonly hostOf: (role: Role) => string | undefined;
  /** Compose name by role. */
  readonly serviceOf: (role: Role) => string | undefined;
  readonly edgePort: number | undefined;
  /** Secrets of the input in plain text; none may stand in a command. */
  readonly secrets: readonly string[];
  /** Connections of a PostgreSQL that runs as an application. */
  readonly maxConnections: number | undefined;
  readonly ledger: Ledger;
  readonly exposed: Promotion['exposedSecrets'][number][];
}

/** The port on which a role listens when the Compose file does not say. */
const rolePorts: Partial<Record<Role, readonly number[]>> = {
  api: [5001],
  apiWebsocket: [5001],
  web: [3000],
  pluginDaemon: [5002, 5003],
  sandbox: [8194],
  squid: [3128],
  postgres: [5432],
  redis: [6379],
  mysql: [3306],
};

const imagePorts: readonly (readonly [RegExp, readonly number[]])[] = [
  [/weaviate/, [8080, 50051]],
  [/qdrant/, [6333, 6334]],
  [/pgvector|pgvecto-rs|opengauss|vastbase/, [5432]],
  [/chroma/, [8000]],
  [/milvus/, [19530]],
  [/opensearch|elasticsearch/, [9200]],
];

/** SAE's longest grace period, and the longest that Dify's streams may need. */
const graceSecondsMax = 300;
const bytesPerMb = 1024 * 1024;

/** Builds one SAE application from a service whose variables and mounts are decided. */
export function buildApplication(options: ApplicationOptions): WantApplication {
  const { service, role, name } = options;
  const ports = portsOf(options);
  const start = startOf(options);
  const readiness = readinessOf(options, ports);
  return {
    service: service.name,
    role,
    name,
    image: service.image ?? '',
    ...sizeOf(options),
    scaling: undefined,
    command: start.command,
    commandArgs: start.args,
    variables: options.variables,
    ports,
    mounts: role === 'sandbox' && options.isDify ? [] : options.mounts,
    files: [...options.files, ...ownFiles(options)],
    readiness: ports.length === 0 ? undefined : readiness,
    // A probe that restarts waits longer than the one that only stops traffic.
    liveness: readiness && { ...readiness, failureThreshold: Math.max(readiness.failureThreshold, 5) },
    hostAliases: service.hostAliases.map(({ name: hostName, address }) => ({ hostName, ip: address })),
    graceSeconds: graceOf(options),
    postStart: service.postStart,
    preStop: service.preStop,
    language: languageOf(role),
    dependsOn: dependenciesOf(options),
  };
}

/** nginx does not start while a name it forwards to is unknown, so Dify's edge also waits for the plugin daemon. */
function dependenciesOf({ service, role, isDify, serviceOf }: ApplicationOptions): string[] {
  const own = service.dependsOn.map((dependency) => dependency.service);
  if (!isDify || role !== 'nginx') return own;
  const forwarded = (['api', 'web', 'pluginDaemon', 'apiWebsocket'] as const).flatMap(
    (target) => serviceOf(target) ?? [],
  );
  return [...new Set([...own, ...forwarded])];
}

function languageOf(role: Role): WantApplication['language'] {
  if (role === 'pluginDaemon' || role === 'sandbox') return 'golang';
  return ['api', 'apiWebsocket', 'worker', 'workerBeat'].includes(role) ? 'python' : 'other';
}

function portsOf({ service, role, isDify, edgePort }: ApplicationOptions): number[] {
  const declared = [
    ...service.ports.filter((port) => port.protocol === 'tcp').map((port) => port.target),
    ...service.expose,
  ];
  const image = imagePorts.find(([pattern]) => pattern.test(service.image ?? ''))?.[1] ?? [];
  const known = [...(rolePorts[role] ?? []), ...(role === 'vector' ? image : [])];
  if (isDify && role === 'nginx') return [edgePort ?? 80];
  if (isDify && (role === 'worker' || role === 'workerBeat')) return [];
  return [...new Set([...declared, ...known])].sort((a, b) => a - b);
}

function sizeOf({
  service,
  instances,
  ledger,
}: ApplicationOptions): Pick<WantApplication, 'cpu' | 'memory' | 'replicas' | 'sizeSource'> {
  const { cpus, memoryBytes, replicas } = service.resources;
  if (instances !== undefined) {
    if (cpus !== undefined || memoryBytes !== undefined) {
      ledger.set(
        `${service.path}.deploy.resources`,
        {
          status: 'approximated',
          target: 'Application.Cpu, Application.Memory',
          reason: 'the load class of the target decides the size',
        },
        { below: true },
      );
    }
    return {
      cpu: instances.cpuMillicores,
      memory: instances.memoryMb,
      replicas: instances.replicas,
      sizeSource: instances.source,
    };
  }
  const wanted = {
    cpuMillicores: cpus === undefined ? 0 : Math.ceil(cpus * 1000),
    memoryMb: memoryBytes === undefined ? 0 : Math.ceil(memoryBytes / bytesPerMb),
  };
  const isStated = cpus !== undefined || memoryBytes !== undefined;
  const size = isStated ? nearestLegalSizes(wanted)[0] : undefined;
  return {
    cpu: size?.cpuMillicores ?? 1000,
    memory: size?.memoryMb ?? 2048,
    replicas: Math.min(Math.max(1, Math.round(replicas ?? 1)), 50),
    sizeSource: isStated ? 'compose' : 'default',
  };
}

interface Start {
  readonly command: string | undefined;
  readonly args: readonly string[] | undefined;
}

/** Entry point and command of the container, without any secret in them. */
function startOf(options: ApplicationOptions): Start {
  const { service, role, isDify, ledger } = options;
  const own = { status: 'approximated', reason: 'a start command made for the target replaces it' } as const;
  if (role === 'redis') {
    ledger.set(`${service.path}.command`, own);
    // The password comes from the Secret at the start, so that it stands in no command line of the template.
    const args = [
      '-c',
      'exec redis-server --requirepass "$REDISCLI_AUTH" --maxmemory-policy noeviction --appendonly yes',
    ];
    return { command: 'sh', args };
  }
  if (isDify && (role === 'squid' || role === 'nginx')) {
    ledger.set(`${service.path}.entrypoint`, own);
    ledger.set(`${service.path}.command`, own);
    return role === 'nginx'
      ? { command: 'nginx', args: ['-g', 'daemon off;'] }
      : { command: 'squid', args: ['-N', '-f', '/etc/squid/squid.conf'] };
  }
  if (role === 'postgres' && options.maxConnections !== undefined && service.entrypoint === undefined) {
    ledger.set(`${service.path}.command`, {
      status: 'approximated',
      target: 'Application.CommandArgs',
      reason: `max_connections is ${options.maxConnections}, as planned; the rest is kept`,
    });
    return {
      command: undefined,
      args: postgresArgs(service.command ?? ['postgres'], options.maxConnections),
    };
  }
  const words = [...(service.entrypoint ?? []).filter((word) => word !== ''), ...(service.command ?? [])];
  const line = words.join(' ');
  if (options.secrets.some((secret) => line.includes(secret))) {
    const where = service.command === undefined ? 'entrypoint' : 'command';
    options.exposed.push({ service: service.name, where, position: service.position });
    ledger.set(`${service.path}.${where}`, {
      status: 'blocked',
      reason: 'it holds a secret in plain text',
      advice: 'Let the program read the secret from a variable.',
    });
    return { command: undefined, args: undefined };
  }
  const hasEntrypoint = service.entrypoint?.some((word) => word !== '') === true;
  if (!hasEntrypoint) return { command: undefined, args: service.command };
  return { command: words[0], args: words.slice(1) };
}

/** PostgreSQL's command line with the connections the plan counts on. The last of two equal settings wins. */
function postgresArgs(command: readonly string[], maxConnections: number): string[] {
  return [...command, '-c', `max_connections=${maxConnections}`];
}

function readinessOf(options: ApplicationOptions, ports: readonly number[]): WantProbe | undefined {
  const { service, role, ledger, secrets } = options;
  const check = service.healthcheck;
  if (check === undefined) {
    if (!['web', 'pluginDaemon', 'nginx', 'squid'].includes(role) || ports[0] === undefined) return undefined;
    // Compose has no check here; without one SAE sends traffic before the program listens.
    return {
      tcpSocket: { port: ports[0] },
      initialDelaySeconds: 10,
      periodSeconds: 10,
      timeoutSeconds: 3,
      failureThreshold: 3,
    };
  }
  const mapped = mapProbe(check, { ports, secrets });
  if (mapped === undefined) {
    ledger.set(
      check.path,
      { status: 'mapped', reason: 'switched off, so there is no probe' },
      { below: true },
    );
    return undefined;
  }
  const reasons = {
    httpGet: 'a request to a local address is an httpGet probe',
    exec: 'the command is an exec probe',
    tcpSocket: 'the command holds a password; a look at the port replaces it',
  } as const;
  ledger.set(`${check.path}.test`, {
    status: mapped.how === 'tcpSocket' ? 'approximated' : 'mapped',
    target: mapped.how,
    reason: reasons[mapped.how],
  });
  return mapped.probe;
}

function graceOf({ service, role }: ApplicationOptions): number | undefined {
  if (service.stopGraceSeconds !== undefined) {
    return Math.min(graceSecondsMax, Math.max(1, Math.ceil(service.stopGraceSeconds)));
  }
  return role === 'api' || role === 'apiWebsocket' || role === 'worker' ? graceSecondsMax : undefined;
}

/** Configuration files that the promotion writes itself for Dify's two proxies. */
function ownFiles({ service, role, isDify, hostOf, edgePort }: ApplicationOptions): WantFile[] {
  if (!isDify) return [];
  const setting = (name: string): string | undefined =>
    service.environment.find((variable) => variable.name === name)?.value ?? undefined;
  const api = hostOf('api');
  const web = hostOf('web');
  if (role === 'nginx' && api !== undefined && web !== undefined) {
    const text = difyEdgeConfig({
      api,
      web,
      pluginDaemon: hostOf('pluginDaemon'),
      apiWebsocket: hostOf('apiWebsocket'),
      port: edgePort ?? 80,
      bodyMax: safeSize(setting('NGINX_CLIENT_MAX_BODY_SIZE')) ?? '100M',
      readTimeout: safeSize(setting('NGINX_PROXY_READ_TIMEOUT')) ?? '3600s',
    });
    return [{ mountPath: '/etc/nginx/nginx.conf', key: 'nginx.conf', text }];
  }
  if (role !== 'squid') return [];
  const text = egressProxyConfig({ port: 3128, sandbox: hostOf('sandbox') });
  return [{ mountPath: '/etc/squid/squid.conf', key: 'squid.conf', text }];
}

/** A size or duration that may stand in an nginx configuration without quoting. */
function safeSize(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{1,9}[kKmMgGsh]?$/.test(text) ? text : undefined;
}
