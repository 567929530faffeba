import { startTestPostgres, type TestPostgres } from '@sampan/postgres/testing';
import { waitUntil } from '@sampan/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PgProxy, type PgProxyOptions, startPgProxy } from '../index.ts';

/** A PostgreSQL for all tests of a file, and a proxy in front of it for each of them. */
export interface ProxiedSuite {
  /** Runs a test, or skips it with the reason there is no PostgreSQL; then checks that nothing was left behind. */
  proxied(
    title: string,
    run: (proxy: PgProxy) => Promise<void>,
    rest?: Partial<PgProxyOptions>,
    connections?: number,
  ): void;
  /** The same without a proxy of its own. */
  withPostgres(title: string, run: (database: TestPostgres) => Promise<void>): void;
  options(rest?: Partial<PgProxyOptions>, connections?: number): PgProxyOptions;
}

export type Connected = pg.Client & AsyncDisposable;

export async function connected(
  proxy: Pick<PgProxy, 'port'>,
  config: pg.ClientConfig = {},
): Promise<Connected> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: proxy.port,
    user: 'trusty',
    database: 'postgres',
    ...config,
  });
  client.on('error', () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

export async function pidOf(client: pg.Client): Promise<number> {
  return Number((await client.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid);
}

export function proxiedSuite(initdbFlags: readonly string[] = ['--auth-host=trust']): ProxiedSuite {
  let database: TestPostgres;
  let unavailable: string | undefined;

  beforeAll(async () => {
    try {
      database = await startTestPostgres({ initdbFlags });
    } catch (error) {
      unavailable = String(error);
    }
  }, 60_000);
  afterAll(() => database?.stop());

  const options: ProxiedSuite['options'] = (rest = {}, connections = 2) => ({
    listen: { host: '127.0.0.1', port: 0 },
    users: [
      { name: 'trusty', auth: 'trust' },
      { name: 'scrammer', password: 'pa ss' },
    ],
    ...rest,
    server: {
      host: database.host,
      port: database.port,
      connections,
      user: 'postgres',
      password: database.password,
      ...rest.server,
    },
  });
  const withPostgres: ProxiedSuite['withPostgres'] = (title, run) =>
    test(title, async ({ skip }) => {
      if (unavailable !== undefined) skip(unavailable);
      await run(database);
    });
  return {
    options,
    withPostgres,
    proxied: (title, run, rest, connections) =>
      withPostgres(title, async () => {
        await using proxy = await startPgProxy(options(rest, connections));
        await run(proxy);
        await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'all shares to be free' });
        await waitUntil(() => proxy.counts().servers === proxy.counts().serversIdle, {
          what: 'closed servers to be gone',
        });
        expect(proxy.counts().servers).toBeLessThanOrEqual(connections ?? 2);
      }),
  };
}
