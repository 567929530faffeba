import { type Config, type StackSecrets, slsEnvironment } from '@sampan/config';
import { loopback, type Planned } from './stack-ports.ts';

/** One component's own way into the database. */
export interface ComponentAddress {
  readonly name: string;
  readonly port: number;
  readonly database: string;
  /** Everything the component needs in its environment, secrets included. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Everything a client of the running stack has to know. Local credentials are part of it. */
export interface Addresses {
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly databases: readonly string[];
  };
  /** Absent when the components reach PostgreSQL directly. */
  readonly proxy: { readonly host: string; readonly port: number } | undefined;
  readonly components: readonly ComponentAddress[];
  /** Absent when Dify keeps its records in PostgreSQL. */
  readonly sls: SlsAddress | undefined;
}

export interface SlsAddress {
  readonly host: string;
  readonly httpPort: number;
  readonly pgPort: number;
  readonly dedicated: DedicatedAddress | undefined;
  readonly endpoint: Endpoint;
  readonly project: string;
  readonly region: string;
  readonly logstores: readonly string[];
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** The loopback address that also answers HTTP at port 80; absent where that port could not be bound. */
export interface DedicatedAddress {
  readonly host: string;
  /** Whether it also answers the PostgreSQL protocol at port 5432. */
  readonly hasPg: boolean;
}

/** What an SLS client is given as endpoint, and whether Dify's PostgreSQL mode can work with it. */
export interface Endpoint {
  readonly text: string;
  /** The part behind the project: names below it must resolve to `address`. */
  readonly host: string;
  readonly address: string;
  readonly pgMode: boolean;
}

/** Puts together what clients have to know. */
export function addressesOf(
  planned: Planned,
  secrets: StackSecrets,
  dedicated: DedicatedAddress | undefined,
): Addresses {
  const { config, plan } = planned;
  const { port, user, databases } = config.postgres;
  const { postgresPassword: password } = secrets;
  const sls = config.sls.enabled ? slsAddressOf(config, secrets, dedicated) : undefined;
  const slsVariables =
    sls === undefined
      ? {}
      : slsEnvironment({ config, endpoint: sls.endpoint.text, pgMode: sls.endpoint.pgMode, secrets });
  return {
    postgres: { host: loopback, port, user, password, databases: [databases.dify, databases.plugin] },
    proxy: plan.proxy === undefined ? undefined : { host: loopback, port: config.pgproxy.port },
    components: plan.components.map(({ name, variables }) => {
      const share = plan.proxy?.shares.find(({ component }) => component === name);
      const database = name === 'pluginDaemon' ? databases.plugin : databases.dify;
      const way = { name, port: share?.listenPort ?? port, database };
      const toDatabase = {
        DB_TYPE: 'postgresql',
        DB_HOST: loopback,
        DB_PORT: String(way.port),
        DB_USERNAME: user,
        DB_PASSWORD: password,
        DB_DATABASE: database,
      };
      // The plugin daemon keeps nothing in SLS.
      const toLogs = name === 'pluginDaemon' ? {} : slsVariables;
      return { ...way, environment: { ...toDatabase, ...variables, ...toLogs } };
    }),
    sls,
  };
}

function slsAddressOf(
  { sls }: Config,
  secrets: StackSecrets,
  dedicated: DedicatedAddress | undefined,
): SlsAddress {
  const { httpPort, pgPort, project, region, logstores, pgMode } = sls;
  return {
    host: loopback,
    httpPort,
    pgPort,
    dedicated,
    endpoint: endpointOf({ httpPort, dedicated, pgMode }),
    project,
    region,
    logstores: Object.keys(logstores),
    accessKeyId: secrets.accessKeyId,
    accessKeySecret: secrets.accessKeySecret,
  };
}

/**
 * Dify's PostgreSQL mode connects to port 5432 of the endpoint's host, and the Python SDK leaves out the project
 * prefix only for a bare IPv4 address, whose port is then 80. So the address with those two ports is the best
 * endpoint; without it a name and a port serve HTTP alone.
 */
function endpointOf(sls: {
  httpPort: number;
  dedicated: DedicatedAddress | undefined;
  pgMode: boolean;
}): Endpoint {
  const { httpPort, dedicated, pgMode } = sls;
  if (dedicated !== undefined) {
    const { host, hasPg } = dedicated;
    return { text: host, host, address: host, pgMode: pgMode && hasPg };
  }
  return { text: `localhost:${httpPort}`, host: 'localhost', address: loopback, pgMode: false };
}
