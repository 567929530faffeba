import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePorts, messageOf } from '@sampan/base';
import pg from 'pg';
import { mayEnter } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { superuser } from './cluster.ts';
import { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts';

const host = '127.0.0.1';

export interface TestPostgresOptions {
  /** More words for initdb, such as `--auth-host=trust`. */
  readonly initdbFlags?: readonly string[];
  /** Server settings, name to value. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Databases to create besides `postgres`. */
  readonly databases?: readonly string[];
  readonly password?: string;
  /** True to make commits durable, as installed; otherwise nothing waits for the disk. */
  readonly isDurable?: boolean;
  /** How long each step may take: making the cluster, accepting connections. 25 s unless given. */
  readonly timeoutMs?: number;
}

/** A real PostgreSQL of the test's own. */
export interface TestPostgres extends AsyncDisposable {
  readonly host: typeof host;
  readonly port: number;
  readonly user: typeof superuser;
  readonly password: string;
  /** Stops the server and removes its data. Twice is fine. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL on a free port of the loopback address, with a superuser `postgres` who logs in by SCRAM. Works
 * for root and for others, wherever the checkout lies; fails with the end of the server's log, and never hangs.
 */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const binaries = await findBinaries();
  const folder = await createReachableFolder(binaries);
  let server: Postgres | undefined;
  async function release(): Promise<void> {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const password = options.password ?? 'postgres-secret';
  try {
    server = await startOnFreePort({
      binaries,
      folder: join(folder, 'data'),
      logFile: join(folder, 'postgres.log'),
      host,
      password,
      timeoutMs: options.timeoutMs ?? 25_000,
      settings: {
        ...(options.isDurable === true ? {} : { fsync: 'off', full_page_writes: 'off' }),
        ...options.settings,
      },
      ...(options.initdbFlags === undefined ? {} : { initdbFlags: options.initdbFlags }),
    });
    await createDatabases(server, password, options.databases ?? []);
  } catch (error) {
    await release();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= release();
    return stopping;
  };
  return { host, port: server.port, user: superuser, password, stop, [Symbol.asyncDispose]: stop };
}

/** A folder that is private to its maker by default and must let the account of PostgreSQL through to its data. */
async function createReachableFolder({ account }: Binaries): Promise<string> {
  const tried: string[] = [];
  for (const base of new Set([tmpdir(), '/var/tmp'])) {
    try {
      const folder = await mkdtemp(join(base, 'sampan-postgres-test-'));
      await chmod(folder, 0o755);
      if (await mayEnter(account, folder)) return folder;
      await rm(folder, { recursive: true, force: true });
      tried.push(`${base}: account ${account?.name} cannot enter it`);
    } catch (error) {
      tried.push(messageOf(error));
    }
  }
  throw new Error(`no folder for the data of PostgreSQL: ${tried.join('; ')}`);
}

/** Between finding a free port and listening on it, somebody else may take it; then another one is tried. */
async function startOnFreePort(options: Omit<PostgresOptions, 'port'>): Promise<Postgres> {
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = await findFreePorts(host, 1);
    try {
      return await startPostgres({ ...options, port });
    } catch (error) {
      if (attempt === 5 || !messageOf(error).includes('Address already in use')) throw error;
    }
  }
}

async function createDatabases(
  server: Postgres,
  password: string,
  databases: readonly string[],
): Promise<void> {
  if (databases.length === 0) return;
  const client = new pg.Client({
    host,
    port: server.port,
    user: server.user,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 10_000,
    query_timeout: 20_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    for (const name of databases) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
