import { createLifecycle, type Log } from '@sampan/base';
import type { Config, Plan } from '@sampan/config';
import type { PgProxy } from '@sampan/pgproxy';
import type { Sls } from '@sampan/sls';
import type { Backend, BackendEvents, Inventory } from '../backend.ts';
import { ensureDatabases } from '../databases.ts';
import type { Layout } from '../layout.ts';
import type { Secrets } from '../secrets.ts';
import { loopback, type StackPorts } from '../stack-ports.ts';
import type { Addresses, ComponentAddress } from '../state.ts';
import { ensureLogstores } from './logstores.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { proxyOptionsOf } from './proxy-options.ts';

export interface EmbeddedOptions extends BackendEvents {
  readonly config: Config;
  readonly plan: Plan;
  readonly layout: Layout;
  readonly ports: StackPorts;
  readonly secrets: Secrets;
  readonly areSecretsNew: boolean;
  readonly log: Log;
}

/**
 * Runs PostgreSQL as a child and emulator and proxy in this process. PostgreSQL and the emulator start side by
 * side; the proxy needs the former only when the first client comes, so it does not wait for it either.
 */
export function createEmbeddedBackend(options: EmbeddedOptions): Backend {
  const lifecycle = createLifecycle();
  let postgres: Postgres | undefined;
  let sls: Sls | undefined;
  let reportFailure: (error: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    reportFailure = resolve;
  });

  /** Remembers what was started even when its neighbour failed meanwhile, so that nothing is left running. */
  async function part<T extends { stop(): Promise<void> }>(
    name: 'postgres' | 'sls' | 'proxy',
    starting: Promise<T>,
  ): Promise<T> {
    const started = await starting;
    lifecycle.defer(name, () => started.stop());
    options.onPart(name);
    return started;
  }

  return {
    name: 'embedded',
    failed,
    async start() {
      const starting = [
        part('postgres', startDatabase(options)).then((started) => {
          postgres = started;
          void started.failed.then(reportFailure);
        }),
        options.config.sls.enabled
          ? part('sls', startEmulator(options)).then((started) => {
              sls = started;
            })
          : undefined,
      ];
      await settleAll(starting);
      await startProxy(options, (starting) => part('proxy', starting));
      return addressesOf(options, sls);
    },
    async ensure(inventory: Inventory) {
      if (postgres === undefined) return;
      const { host, port, user } = postgres;
      const password = options.secrets.postgresPassword;
      await Promise.all([
        ensureDatabases({ host, port, user, password }, inventory).then(() => options.onPart('databases')),
        sls === undefined
          ? undefined
          : ensureLogstores(sls, inventory, options.config).then(() => options.onPart('logstores')),
      ]);
    },
    stop: () => lifecycle.stop(),
  };
}

/** Waits for all, then throws the first failure: a part still starting when another fails must be stopped as well. */
async function settleAll(starting: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  for (const result of await Promise.allSettled(starting)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

function startDatabase(options: EmbeddedOptions): Promise<Postgres> {
  const { layout, ports, secrets, plan } = options;
  return startPostgres({
    layout,
    host: loopback,
    port: ports.postgres,
    password: secrets.postgresPassword,
    isPasswordNew: options.areSecretsNew,
    settings: { max_connections: String(plan.postgresMaxConnections) },
    onNotice: options.onNotice,
  });
}

async function startEmulator(options: EmbeddedOptions): Promise<Sls> {
  const { config, layout, ports, secrets, log } = options;
  const { startSls } = await import('@sampan/sls');
  const address = config.sls.address;
  return startSls({
    dataDirectory: layout.sls,
    http: { host: loopback, port: ports.slsHttp },
    pg: { host: loopback, port: ports.slsPg },
    extraListeners: address === false ? [] : [{ host: address, httpPort: 80, pgPort: 5432, optional: true }],
    accessKeys: [{ id: secrets.accessKeyId, secret: secrets.accessKeySecret }],
    auth: config.sls.auth,
    region: config.sls.region,
    defaultProject: config.sls.project,
    log: log.child({ part: 'sls' }),
  });
}

async function startProxy(
  options: EmbeddedOptions,
  start: (starting: Promise<PgProxy>) => Promise<PgProxy>,
): Promise<void> {
  const { plan, ports, secrets, config } = options;
  const user = config.postgres.user;
  const proxyOptions = proxyOptionsOf({ plan, ports, user, password: secrets.postgresPassword });
  if (proxyOptions === undefined) return;
  const { startPgProxy } = await import('@sampan/pgproxy');
  await start(startPgProxy(proxyOptions));
}

function addressesOf(options: EmbeddedOptions, sls: Sls | undefined): Addresses {
  const { config, plan, ports, secrets } = options;
  const { databases, user } = config.postgres;
  const proxyPort = ports.proxy.get('other');
  const components = plan.components.map(
    ({ name, variables }): ComponentAddress => ({
      name,
      port: ports.proxy.get(name) ?? proxyPort ?? ports.postgres,
      database: name === 'pluginDaemon' ? databases.plugin : databases.dify,
      variables,
    }),
  );
  return {
    postgres: {
      host: loopback,
      port: ports.postgres,
      user,
      password: secrets.postgresPassword,
      databases: [databases.dify, databases.plugin],
    },
    proxy: proxyPort === undefined ? undefined : { host: loopback, port: proxyPort },
    components,
    sls: sls === undefined ? undefined : slsAddressOf(options, sls),
  };
}

function slsAddressOf({ config, secrets, ports }: EmbeddedOptions, sls: Sls): Addresses['sls'] {
  const { address, project, region, logstoreTtlDays, pgMode, logstores } = config.sls;
  const isDedicated = address !== false && sls.listeners.some(({ host }) => host === address);
  return {
    host: loopback,
    httpPort: ports.slsHttp,
    pgPort: ports.slsPg,
    dedicated: isDedicated ? address : undefined,
    project,
    logstores: Object.keys(logstores),
    region,
    logstoreTtlDays,
    pgMode,
    accessKeyId: secrets.accessKeyId,
    accessKeySecret: secrets.accessKeySecret,
  };
}
