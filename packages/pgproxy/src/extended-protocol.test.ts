import { createLog } from '@sampan/base';
import * as wire from '@sampan/pg-wire';
import { startTestPostgres, type TestPostgres } from '@sampan/postgres/testing';
import { everySplit, waitUntil } from '@sampan/testkit';
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PgProxy, type PgProxyOptions, startPgProxy } from './index.ts';
import { type splitMessages, startRawSession, tagsOf } from './testing.ts';

let database: TestPostgres;
let unavailable: string | undefined;

beforeAll(async () => {
  try {
    database = await startTestPostgres({ initdbFlags: ['--auth-host=trust'] });
  } catch (error) {
    unavailable = String(error);
  }
}, 60_000);

afterAll(async () => {
  await database?.stop();
});

const users: PgProxyOptions['users'] = [
  { name: 'scrammer', password: 'pa ss' },
  { name: 'hashed', auth: 'md5', password: 'pw' },
  { name: 'clear', auth: 'cleartext', password: 'pw' },
  { name: 'trusty', auth: 'trust' },
];

function options(rest: Partial<PgProxyOptions> = {}, connections = 4): PgProxyOptions {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    server: {
      host: database.host,
      port: database.port,
      connections,
      user: 'postgres',
      password: database.password,
    },
    users,
    ...rest,
  };
}

const verbose = { log: createLog({ name: 'pgproxy', level: 'error' }) };

/** Runs a test against a proxy in front of a real PostgreSQL, or skips with the reason there is none. */
function proxied(
  title: string,
  run: (proxy: PgProxy) => Promise<void>,
  rest: Partial<PgProxyOptions> = {},
  connections = 4,
): void {
  test(title, async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    await using proxy = await startPgProxy(options(rest, connections), verbose);
    await run(proxy);
    // Whatever happened, nothing is left in use and nothing is left dirty.
    await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'all shares to be free' });
    expect(proxy.counts().serversIdle).toBe(proxy.counts().servers);
    expect(proxy.counts().servers).toBeLessThanOrEqual(connections);
    const client = connect(proxy);
    await client.connect();
    const left = await client.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'`,
    );
    expect(left.rows).toEqual([{ n: 0 }]);
    await client.end();
  });
}

function connect(proxy: PgProxy, config: pg.ClientConfig = {}): pg.Client {
  return new pg.Client({
    host: '127.0.0.1',
    port: proxy.port,
    user: 'trusty',
    database: 'postgres',
    ...config,
  });
}

async function connected(proxy: PgProxy, config: pg.ClientConfig = {}): Promise<pg.Client & AsyncDisposable> {
  const client = connect(proxy, config);
  client.on('error', () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

describe('the extended protocol', () => {
  proxied(
    'runs named statements of many clients on few servers, also when their names collide',
    async (proxy) => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => connected(proxy)));
      await Promise.all(
        clients.map(async (client, n) => {
          for (let round = 0; round < 20; round++) {
            const { rows } = await client.query({
              name: 'same',
              text: `SELECT $1::int + ${n % 3} AS sum`,
              values: [round],
            });
            expect(rows).toEqual([{ sum: round + (n % 3) }]);
          }
        }),
      );
      await Promise.all(clients.map((client) => client.end()));
    },
    {},
    2,
  );

  proxied(
    'prepares no more than preparedStatementsMax on a server and still answers',
    async (proxy) => {
      await using client = await connected(proxy);
      for (let n = 0; n < 60; n++) {
        const { rows } = await client.query({
          name: `s${n % 20}`,
          text: `SELECT ${n % 20} AS n`,
          values: [],
        });
        expect(rows).toEqual([{ n: n % 20 }]);
      }
      const { rows } = await client.query('SELECT count(*)::int AS n FROM pg_prepared_statements');
      expect(Number(rows[0]?.n)).toBeLessThanOrEqual(5);
    },
    { preparedStatementsMax: 5 },
    1,
  );

  proxied('pipelines as postgres.js does', async (proxy) => {
    const sql = postgres({
      host: '127.0.0.1',
      port: proxy.port,
      user: 'trusty',
      database: 'postgres',
      max: 5,
    });
    const sums = await Promise.all(Array.from({ length: 500 }, (_, n) => sql`SELECT ${n}::int + 1 AS sum`));
    expect(sums.map(([row]) => row?.['sum'])).toEqual(Array.from({ length: 500 }, (_, n) => n + 1));
    await expect(sql`SELECT * FROM not_there`).rejects.toMatchObject({ code: '42P01' });
    const [total] = await sql.begin(async (tx) => {
      await tx`CREATE TEMP TABLE t (n int) ON COMMIT DROP`;
      await Promise.all([1, 2, 3].map((n) => tx`INSERT INTO t VALUES (${n})`));
      return tx`SELECT sum(n)::int AS sum FROM t`;
    });
    expect(total).toEqual({ sum: 6 });
    await sql.end();
  });

  /** What each scenario sends, and the tags PostgreSQL answers with. */
  const parse = (name: string, query: string) => wire.encodeParse({ name, query, parameterTypes: [] });
  const bind = (statement: string) =>
    wire.encodeBind({ portal: '', statement, parameterFormats: [], parameters: [], resultFormats: [] });
  const execute = wire.encodeExecute({ portal: '', rowsMax: 0 });
  const describeStatement = (name: string) => wire.encodeDescribe({ target: 'S', name });
  const close = (name: string) => wire.encodeClose({ target: 'S', name });
  const sync = wire.encodeSync();
  const scenarios: Record<string, readonly Buffer[]> = {
    'parse, describe, execute': [parse('a', 'SELECT 1'), describeStatement('a'), bind('a'), execute, sync],
    'the same name again after Close': [
      parse('a', 'SELECT 1'),
      close('a'),
      parse('a', 'SELECT 2'),
      bind('a'),
      execute,
      sync,
    ],
    'a name that is taken': [
      parse('a', 'SELECT 1'),
      parse('a', 'SELECT 2'),
      bind('a'),
      sync,
      bind('a'),
      execute,
      sync,
    ],
    'an error in the middle': [
      parse('a', 'SELECT 1'),
      parse('b', 'SELEKT'),
      bind('a'),
      execute,
      sync,
      bind('a'),
      sync,
      bind('b'),
      sync,
    ],
    'an error at execution': [
      parse('', 'SELECT 1/0'),
      bind(''),
      execute,
      parse('c', 'SELECT 1'),
      sync,
      bind('c'),
      sync,
    ],
    'a statement never prepared': [
      bind('never'),
      execute,
      sync,
      describeStatement('never'),
      sync,
      close('never'),
      sync,
    ],
    'Close that an error skipped': [
      parse('a', 'SELECT 1'),
      sync,
      bind('x'),
      close('a'),
      sync,
      bind('a'),
      execute,
      sync,
    ],
    'two batches and a query at once': [
      parse('a', 'SELECT 1'),
      sync,
      bind('a'),
      execute,
      sync,
      wire.encodeQuery('SELECT 2; SELECT 3'),
      sync,
    ],
    'a transaction in pieces': [
      wire.encodeQuery('BEGIN'),
      parse('a', 'SELECT 1'),
      bind('a'),
      execute,
      sync,
      wire.encodeQuery('COMMIT'),
    ],
    'DEALLOCATE of a protocol name': [
      parse('a', 'SELECT 1'),
      sync,
      wire.encodeQuery('DEALLOCATE a'),
      bind('a'),
      sync,
      parse('a', 'SELECT 2'),
      bind('a'),
      execute,
      sync,
    ],
    'DEALLOCATE ALL and DISCARD ALL': [
      parse('a', 'SELECT 1'),
      sync,
      wire.encodeQuery('DEALLOCATE ALL'),
      bind('a'),
      sync,
      parse('a', 'SELECT 2'),
      sync,
      wire.encodeQuery('discard all'),
      parse('a', 'SELECT 3'),
      bind('a'),
      execute,
      sync,
    ],
    'an empty query and flushes': [
      parse('', ''),
      bind(''),
      execute,
      wire.encodeFlush(),
      sync,
      wire.encodeQuery(''),
    ],
    'a suspended portal': [
      parse('', 'SELECT generate_series(1, 3)'),
      bind(''),
      wire.encodeExecute({ portal: '', rowsMax: 2 }),
      wire.encodeExecute({ portal: '', rowsMax: 2 }),
      sync,
    ],
    'COPY in both protocols': [
      wire.encodeQuery('CREATE TEMP TABLE c (n int)'),
      wire.encodeQuery('COPY c FROM STDIN'),
      Buffer.from('d\0\0\0\x061\n'),
      Buffer.from('d\0\0\0\x062\n'),
      Buffer.from('c\0\0\0\x04'),
      wire.encodeQuery('COPY c TO STDOUT'),
      wire.encodeQuery('DROP TABLE c'),
    ],
    'COPY that fails while data comes': [
      wire.encodeQuery('CREATE TEMP TABLE c (n int)'),
      wire.encodeQuery('COPY c FROM STDIN'),
      Buffer.from('d\0\0\0\x06x\n'),
      Buffer.from('d\0\0\0\x062\n'),
      Buffer.from('c\0\0\0\x04'),
      wire.encodeQuery('DROP TABLE c'),
    ],
    'COPY given up by the client': [
      wire.encodeQuery('CREATE TEMP TABLE c (n int)'),
      wire.encodeQuery('COPY c FROM STDIN'),
      wire.encodeCopyFail('changed my mind'),
      wire.encodeQuery('DROP TABLE c'),
    ],
  };

  scenarios['an unnamed statement used in later transactions'] = [
    parse('', 'SELECT 1'),
    sync,
    bind(''),
    execute,
    sync,
    wire.encodeDescribe({ target: 'S', name: '' }),
    sync,
    wire.encodeQuery('SELECT 2'),
    bind(''),
    sync,
  ];

  const comparable = (seen: ReturnType<typeof splitMessages>): string[] =>
    seen.filter(({ tag }) => tag !== 'S').map(({ tag, payload }) => `${tag} ${payload.toString('latin1')}`);

  for (const [title, messages] of Object.entries(scenarios)) {
    proxied(
      `answers like PostgreSQL itself: ${title}`,
      async (proxy) => {
        const readies = messages.filter((bytes) => bytes[0] === 0x53 || bytes[0] === 0x51).length;
        const seen: string[][] = [];
        for (const port of [database.port, proxy.port]) {
          await using session = await startRawSession(port, { user: 'postgres', database: 'postgres' });
          session.send(...messages);
          seen.push(comparable(await session.untilReady(readies)));
        }
        expect(seen[1]).toEqual(seen[0]);
      },
      { users: [...users, { name: 'postgres', auth: 'trust' }] },
      1,
    );
  }

  proxied(
    'gives the same answer wherever the bytes are cut',
    async (proxy) => {
      const messages = Buffer.concat([
        parse('a', 'SELECT 1'),
        describeStatement('a'),
        bind('a'),
        execute,
        sync,
        wire.encodeQuery('DEALLOCATE a'),
        wire.encodeQuery('SELECT 2'),
      ]);
      await using session = await startRawSession(proxy.port);
      let want: string[] | undefined;
      for (const chunks of everySplit(messages)) {
        for (const chunk of chunks) {
          session.client.socket.write(chunk);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const seen = comparable(await session.untilReady(3));
        want ??= seen;
        expect(seen).toEqual(want);
      }
    },
    {},
    1,
  );

  proxied(
    'finds its unnamed statement again after another client used the same server',
    async (proxy) => {
      await using a = await startRawSession(proxy.port);
      await using b = await startRawSession(proxy.port);
      a.send(parse('', `SELECT 'a'`), wire.encodeDescribe({ target: 'S', name: '' }), sync);
      expect(tagsOf(await a.untilReady())).toBe('1tTZ');
      b.send(parse('', `SELECT 'b'`), sync);
      expect(tagsOf(await b.untilReady())).toBe('1Z');
      for (const [session, text] of [
        [a, 'a'],
        [b, 'b'],
        [a, 'a'],
      ] as const) {
        session.send(bind(''), execute, sync);
        const seen = await session.untilReady();
        expect(tagsOf(seen)).toBe('2DCZ');
        expect(wire.parseDataRow(seen[1]?.payload ?? Buffer.alloc(2))[0]?.toString()).toBe(text);
      }
    },
    {},
    1,
  );
});
