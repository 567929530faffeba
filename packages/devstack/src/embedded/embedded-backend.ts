import { createLifecycle, type Log } from '@sampan/base';
import { proxyOptionsFile, type StackSecrets, slsOptionsFile } from '@sampan/config';
import type { PgProxy } from '@sampan/pgproxy';
import type { Postgres } from '@sampan/postgres';
import type { Sls } from '@sampan/sls';
import { addressesOf, type DedicatedAddress } from '../addresses.ts';
import type { Backend, BackendEvents, Inventory } from '../backend.ts';
import { ensureDatabases } from '../databases.ts';
import type { Layout } from '../layout.ts';
import { loopback, type Planned } from '../stack-ports.ts';
import { ensureLogstores } from './logstores.ts';
import { startStackPostgres } from './stack-postgres.ts';

/** `config` and `plan` have no port 0 left. */
export interface EmbeddedOptions extends BackendEvents, Planned {
  readonly layout: Layout;
  readonly secrets: StackSecrets;
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
  async function part<T extends { stop(): Promise<void> } | undefined>(
    name: 'postgres' | 'sls' | 'proxy',
    starting: Promise<T>,
  ): Promise<T> {
    const started = await starting;
    if (started === undefined) return started;
    lifecycle.defer(name, () => started.stop());
    options.onPart(name);
    return started;
  }

  return {
    name: 'embedded',
    failed,
    async start() {
      await settleAll([
        part('postgres', startDatabase(options)).then((started) => {
          postgres = started;
          void started.failed.then(reportFailure);
        }),
        part('sls', startEmulator(options)).then((started) => {
          sls = started;
        }),
      ]);
      await part('proxy', startProxy(options));
      return addressesOf(options, options.secrets, dedicatedOf(options, sls));
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
  const { config, plan, layout, secrets } = options;
  return startStackPostgres({
    layout,
    host: loopback,
    port: config.postgres.port,
    password: secrets.postgresPassword,
    isPasswordNew: options.areSecretsNew,
    settings: {
      max_connections: String(plan.postgresMaxConnections),
      superuser_reserved_connections: String(Math.min(3, config.postgres.reservedConnections)),
    },
    onNotice: options.onNotice,
  });
}

async function startEmulator(options: EmbeddedOptions): Promise<Sls | undefined> {
  const { config, secrets, layout, log } = options;
  const file = slsOptionsFile({ config, secrets });
  if (file === undefined) return undefined;
  const { startSls } = await import('@sampan/sls');
  return startSls({ ...file, dataDirectory: layout.sls, log: log.child({ part: 'sls' }) });
}

async function startProxy(options: EmbeddedOptions): Promise<PgProxy | undefined> {
  const file = proxyOptionsFile(options);
  if (file === undefined) return undefined;
  const { startPgProxy } = await import('@sampan/pgproxy');
  const { users, adminUsers, components, ...rest } = file;
  const lists = { users: [...users], adminUsers: [...adminUsers], components: [...components] };
  return startPgProxy({ ...rest, ...lists }, { log: options.log.child({ part: 'pgproxy' }) });
}

/** The emulator's own address as far as it could be bound; says what is missing without it. */
function dedicatedOf(options: EmbeddedOptions, sls: Sls | undefined): DedicatedAddress | undefined {
  const { address } = options.config.sls;
  if (address === false || sls === undefined) return undefined;
  const listener = sls.listeners.find(({ http }) => http?.host === address);
  const dedicated = listener === undefined ? undefined : { host: address, hasPg: listener.pg !== undefined };
  if (sls.refused.length > 0) {
    const works = dedicated === undefined ? 'HTTP works through localhost' : `HTTP works at ${address}`;
    const reasons = sls.refused.map(({ reason }) => reason).join('; ');
    options.onNotice(`${works}, Dify's PostgreSQL mode for SLS does not: ${reasons}`);
  }
  return dedicated;
}
