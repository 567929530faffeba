import type { Plan, ProxyShare } from '../plan/plan.ts';
import type { Config } from '../schema/schema.ts';
import type { GeneratedFile } from './file.ts';
import { type StackSecrets, secretsOrReferences } from './secrets.ts';

const host = '127.0.0.1';

/** A component's part of the proxy's server connections. */
export interface ProxyLimits {
  readonly guaranteed: number;
  readonly max: number;
  readonly weight: number;
  readonly queueMax: number;
  readonly queueTimeoutMs: number;
}

/** A component of the pool proxy's options. */
export interface ProxyComponentOptions extends ProxyLimits {
  readonly name: string;
  readonly match: { readonly port?: number };
  readonly listenPort?: number;
}

/** The pool proxy's options, in the shape that it reads; declared here because this package imports no engine. */
export interface ProxyOptionsFile {
  readonly listen: { readonly host: string; readonly port: number };
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly connections: number;
    readonly user: string;
    readonly password: string;
  };
  readonly users: readonly { readonly name: string; readonly password: string; readonly auth: 'scram' }[];
  readonly adminUsers: readonly string[];
  readonly poolMode: 'transaction';
  readonly clientConnectionsMax: number;
  readonly components: readonly ProxyComponentOptions[];
  readonly defaultComponent: ProxyLimits;
}

/** The SLS emulator's options, in the shape that it reads. */
export interface SlsOptionsFile {
  readonly dataDirectory: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly pg: { readonly host: string; readonly port: number };
  readonly extraListeners: readonly {
    readonly host: string;
    readonly httpPort: number;
    readonly pgPort: number;
    readonly optional: boolean;
  }[];
  readonly auth: 'strict' | 'any';
  readonly region: string;
  readonly defaultProject: string;
  /** Only when the credentials were passed in; without it the emulator makes a pair of its own. */
  readonly accessKeys?: readonly { readonly id: string; readonly secret: string }[];
}

export interface EngineOptions {
  readonly config: Config;
  readonly plan: Plan;
  readonly secrets?: StackSecrets | undefined;
}

/** Options of the pool proxy; undefined when the plan goes without one. */
export function proxyOptionsFile({ config, plan, secrets }: EngineOptions): ProxyOptionsFile | undefined {
  if (plan.proxy === undefined) return undefined;
  const { serverConnections, clientConnectionsMax, shares } = plan.proxy;
  const { user, port } = config.postgres;
  const password = secretsOrReferences(secrets).postgresPassword;
  const other = shares.find(({ component }) => component === 'other');
  return {
    listen: { host, port: config.pgproxy.port },
    server: { host, port, connections: serverConnections, user, password },
    users: [{ name: user, password, auth: 'scram' }],
    adminUsers: [user],
    poolMode: 'transaction',
    clientConnectionsMax,
    components: shares
      .filter((share) => share !== other)
      .map((share) => ({
        name: share.component,
        match: { port: share.listenPort },
        listenPort: share.listenPort,
        ...limitsOf(share),
      })),
    defaultComponent: limitsOf(other),
  };
}

function limitsOf(share: ProxyShare | undefined): ProxyLimits {
  const { guaranteed = 0, max = 1, weight = 1, queueMax = 0, queueTimeoutMs = 30_000 } = share ?? {};
  return { guaranteed, max, weight, queueMax, queueTimeoutMs };
}

/** Options of the SLS emulator; undefined when Dify keeps its records in PostgreSQL. */
export function slsOptionsFile({ config, secrets }: Omit<EngineOptions, 'plan'>): SlsOptionsFile | undefined {
  const { sls } = config;
  if (!sls.enabled) return undefined;
  return {
    dataDirectory: '.sampan/sls',
    http: { host, port: sls.httpPort },
    pg: { host, port: sls.pgPort },
    extraListeners:
      sls.address === false ? [] : [{ host: sls.address, httpPort: 80, pgPort: 5432, optional: true }],
    auth: sls.auth,
    region: sls.region,
    defaultProject: sls.project,
    ...(secrets === undefined
      ? {}
      : { accessKeys: [{ id: secrets.accessKeyId, secret: secrets.accessKeySecret }] }),
  };
}

/** JSON files for the engines. JSON has no comments, so nothing in them says how they were made. */
export function generateEngineOptions(options: EngineOptions): GeneratedFile[] {
  const proxy = proxyOptionsFile(options);
  const sls = slsOptionsFile(options);
  const file = (path: string, value: unknown): GeneratedFile => ({
    path,
    text: `${JSON.stringify(value, null, 2)}\n`,
  });
  return [
    ...(proxy === undefined ? [] : [file('pgproxy.json', proxy)]),
    ...(sls === undefined ? [] : [file('sls.json', sls)]),
  ];
}
