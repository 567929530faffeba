import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createCertificate, createLog } from '@sampan/base';
import * as wire from '@sampan/pg-wire';
import { everySplit, waitUntil } from '@sampan/testkit';
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PgProxy, type PgProxyOptions, startPgProxy } from './index.ts';
import { splitMessages, startRawSession, startTestPostgres, type TestPostgres, tagsOf } from './testing.ts';

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

describe('logging in', () => {
  proxied('works with SCRAM, MD5, a password in the clear and trust', async (proxy) => {
    for (const [user, password] of [
      ['scrammer', 'pa ss'],
      ['hashed', 'pw'],
      ['clear', 'pw'],
      ['trusty', ''],
    ]) {
      await using client = await connected(proxy, { user: user ?? '', password: password ?? '' });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    }
  });

  proxied('refuses a wrong password and an unknown user with the same words', async (proxy) => {
    for (const user of ['scrammer', 'hashed', 'clear', 'nobody']) {
      await expect(connected(proxy, { user, password: 'wrong' })).rejects.toMatchObject({
        code: '28P01',
        message: `password authentication failed for user "${user}"`,
      });
    }
    expect(proxy.counts()).toMatchObject({ clients: 0, servers: 0 });
  });

  proxied('passes on what PostgreSQL says of an unknown database', async (proxy) => {
    await expect(connected(proxy, { database: 'nowhere' })).rejects.toMatchObject({
      code: '3D000',
      message: 'database "nowhere" does not exist',
    });
  });

  test('reaches a PostgreSQL that asks for SCRAM, MD5 or a password in the clear', async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const direct = new pg.Client({ host: database.host, port: database.port, user: 'postgres' });
    await direct.connect();
    const file = String((await direct.query('SHOW hba_file')).rows[0]?.hba_file);
    const before = await readFile(file, 'utf8');
    const methods = { s: 'scram-sha-256', m: 'md5', c: 'password' };
    const lines = Object.entries(methods).map(([user, method]) => `host all ${user} 127.0.0.1/32 ${method}`);
    await writeFile(file, `${lines.join('\n')}\n${before}`);
    await direct.query(`SET password_encryption = 'scram-sha-256'; CREATE ROLE s LOGIN PASSWORD 'sS'`);
    await direct.query(`CREATE ROLE c LOGIN PASSWORD 'cC'; SET password_encryption = 'md5'`);
    await direct.query(`CREATE ROLE m LOGIN PASSWORD 'mM'; SELECT pg_reload_conf()`);
    await direct.end();
    await using proxy = await startPgProxy(
      options({
        users: [
          { name: 's', password: 'x', serverPassword: 'sS' },
          { name: 'm', password: 'x', serverPassword: 'mM' },
          { name: 'c', password: 'x', serverPassword: 'cC' },
          { name: 'wrong', password: 'x', serverUser: 's', serverPassword: 'not it' },
        ],
      }),
    );
    for (const user of ['s', 'm', 'c']) {
      await using client = await connected(proxy, { user, password: 'x' });
      expect((await client.query('SELECT current_user')).rows).toEqual([{ current_user: user }]);
    }
    // The pool of user s exists: a wrong password is noticed only when a new connection is opened.
    await using held = await connected(proxy, { user: 's', password: 'x' });
    await held.query('BEGIN');
    await expect(connected(proxy, { user: 'wrong', password: 'x' })).resolves.toBeDefined();
    await held.query('COMMIT');
  });

  test('says that PostgreSQL cannot be reached, and where', async () => {
    await using proxy = await startPgProxy({
      listen: { host: '127.0.0.1', port: 0 },
      server: { host: '127.0.0.1', port: 1, connections: 1 },
      users,
    });
    await expect(connected(proxy)).rejects.toMatchObject({
      code: '08006',
      message: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED/),
    });
    expect(proxy.counts()).toMatchObject({ clients: 0, servers: 0, sharesInUse: 0 });
  });

  test('is possible over TLS, and cancel too', async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const tls = await createCertificate(['localhost']);
    await using proxy = await startPgProxy(options({ tls }));
    await using client = await connected(proxy, {
      user: 'scrammer',
      password: 'pa ss',
      ssl: { rejectUnauthorized: false },
    });
    const rows = await client.query(`SELECT repeat('x', 1000) AS text FROM generate_series(1, 2000)`);
    expect(rows.rows.length).toBe(2000);
  });

  proxied('without TLS configured answers N and goes on in the clear', async (proxy) => {
    await expect(connected(proxy, { ssl: { rejectUnauthorized: false } })).rejects.toThrow(
      /does not support SSL/,
    );
  });

  proxied('negotiates a newer minor version and unknown extensions down', async (proxy) => {
    await using session = await startRawSession(proxy.port);
    const { connectTcp } = await import('@sampan/testkit');
    await using newer = await connectTcp(proxy.port);
    const startup = wire.encodeStartup([
      ['user', 'trusty'],
      ['database', 'postgres'],
      ['_pq_.unheard', '1'],
    ]);
    startup.writeUInt16BE(2, 6);
    newer.send(startup);
    const bytes = await newer.waitFor((all) => tagsOf(splitMessages(all)).endsWith('Z'), 'a welcome');
    const first = splitMessages(bytes)[0];
    expect(first?.tag).toBe('v');
    expect(first?.payload.toString('latin1')).toBe('\0\x03\0\0\0\0\0\x01_pq_.unheard\0');
    session.send(wire.encodeTerminate());
  });
});

describe('transactions', () => {
  proxied(
    'of many clients share few servers',
    async (proxy) => {
      const pool = new pg.Pool({
        host: '127.0.0.1',
        port: proxy.port,
        user: 'trusty',
        database: 'postgres',
        max: 30,
      });
      const pids = new Set<number>();
      await Promise.all(
        Array.from({ length: 300 }, async () => {
          const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
          pids.add(Number(rows[0]?.pid));
        }),
      );
      expect(pids.size).toBeLessThanOrEqual(3);
      await pool.end();
    },
    {},
    3,
  );

  proxied('keep their server from BEGIN to COMMIT and see only their own state', async (proxy) => {
    await using a = await connected(proxy);
    await using b = await connected(proxy);
    await a.query('CREATE TABLE IF NOT EXISTS seen (n int)');
    const steps: [pg.Client, string][] = [
      [a, 'BEGIN'],
      [b, 'BEGIN'],
      [a, 'INSERT INTO seen VALUES (1)'],
      [b, 'INSERT INTO seen VALUES (2)'],
    ];
    for (const [client, sql] of steps) await client.query(sql);
    expect((await a.query('SELECT n FROM seen')).rows).toEqual([{ n: 1 }]);
    expect((await b.query('SELECT n FROM seen')).rows).toEqual([{ n: 2 }]);
    await a.query('ROLLBACK');
    await b.query('COMMIT');
    expect((await a.query('SELECT n FROM seen')).rows).toEqual([{ n: 2 }]);
    await a.query('DROP TABLE seen');
  });

  proxied('that failed give the server back only after ROLLBACK', async (proxy) => {
    await using client = await connected(proxy);
    await client.query('BEGIN');
    await expect(client.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    expect(proxy.counts().sharesInUse).toBe(1);
    await client.query('ROLLBACK');
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

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
});

describe('settings', () => {
  proxied('from start-up parameters and options follow a client to every server', async (proxy) => {
    const configs = [
      { options: '-c timezone=UTC', application_name: 'one' },
      { options: '-c timezone=Asia/Shanghai -c statement_timeout=12345', application_name: 'two' },
      { application_name: 'three' },
    ];
    const clients = await Promise.all(configs.map((config) => connected(proxy, config)));
    const show = `SELECT current_setting('TimeZone') AS zone, current_setting('application_name') AS name,
                  current_setting('statement_timeout') AS timeout`;
    for (let round = 0; round < 12; round++) {
      const seen = await Promise.all(clients.map(async (client) => (await client.query(show)).rows[0]));
      expect(seen).toEqual([
        { zone: 'UTC', name: 'one', timeout: '0' },
        { zone: 'Asia/Shanghai', name: 'two', timeout: '12345ms' },
        { zone: expect.any(String), name: 'three', timeout: '0' },
      ]);
    }
    await Promise.all(clients.map((client) => client.end()));
  });

  proxied('changed by SET stay with their client', async (proxy) => {
    await using a = await connected(proxy);
    await using b = await connected(proxy);
    await a.query(`SET TimeZone = 'America/Lima'; SET search_path = "$user", 'odd "one'`);
    for (let round = 0; round < 6; round++) {
      await using other = await connected(proxy);
      const [one, two] = await Promise.all([
        a.query('SHOW TimeZone'),
        b.query('SHOW TimeZone'),
        other.query('SELECT 1'),
      ]);
      expect(one.rows[0]?.TimeZone).toBe('America/Lima');
      expect(two.rows[0]?.TimeZone).not.toBe('America/Lima');
      expect((await a.query('SHOW search_path')).rows[0]?.search_path).toBe('"$user", "odd ""one"');
    }
  });

  proxied('that PostgreSQL refuses end the login with its error', async (proxy) => {
    await expect(connected(proxy, { options: '-c timezone=Nowhere/City' })).rejects.toMatchObject({
      code: '22023',
      message: expect.stringContaining('Nowhere/City'),
    });
    await expect(connected(proxy, { options: '-c no_such_setting=1' })).rejects.toMatchObject({
      code: '42704',
    });
    await using client = await connected(proxy);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

describe('cancel', () => {
  proxied('interrupts the statement of the client that asks', async (proxy) => {
    await using victim = await startRawSession(proxy.port);
    await using bystander = await startRawSession(proxy.port);
    victim.send(wire.encodeQuery('SELECT pg_sleep(30)'));
    bystander.send(wire.encodeQuery('SELECT pg_sleep(0.3)'));
    await waitUntil(() => proxy.counts().sharesInUse === 2, { what: 'both to run' });
    const { connectTcp } = await import('@sampan/testkit');
    await using request = await connectTcp(proxy.port);
    request.send(wire.encodeCancelRequest(victim.processId, victim.secretKey));
    const seen = await victim.untilReady();
    expect(
      wire.parseErrorFields(seen.find(({ tag }) => tag === 'E')?.payload ?? Buffer.alloc(1)).get('C'),
    ).toBe('57014');
    expect(tagsOf(await bystander.untilReady())).toBe('TDCZ');
    await request.closed();
  });

  proxied(
    'of a waiting client answers it without a server, and of an idle one hits nobody',
    async (proxy) => {
      await using holder = await startRawSession(proxy.port);
      await using waiter = await startRawSession(proxy.port);
      holder.send(wire.encodeQuery('BEGIN'));
      await holder.untilReady();
      const { connectTcp } = await import('@sampan/testkit');
      await using early = await connectTcp(proxy.port);
      early.send(wire.encodeCancelRequest(waiter.processId, waiter.secretKey));
      await early.closed();
      waiter.send(wire.encodeQuery('SELECT 1'));
      await waitUntil(() => proxy.counts().clientsWaiting === 1, { what: 'a waiting client' });
      await using request = await connectTcp(proxy.port);
      request.send(wire.encodeCancelRequest(waiter.processId, waiter.secretKey));
      expect(tagsOf(await waiter.untilReady())).toBe('EZ');
      holder.send(wire.encodeQuery('COMMIT'));
      expect(tagsOf(await holder.untilReady())).toBe('CZ');
    },
    {},
    1,
  );
});

describe('the admin console', () => {
  proxied('shows pools, clients, servers and components', async (proxy) => {
    await using client = await connected(proxy, { application_name: 'looked-at' });
    await client.query('BEGIN');
    await using console = await connected(proxy, { database: 'pgproxy' });
    expect((await console.query('SHOW POOLS')).rows).toMatchObject([
      {
        database: 'postgres',
        user: 'postgres',
        cl_active: '1',
        cl_waiting: '0',
        sv_active: '1',
        sv_idle: '0',
      },
    ]);
    expect((await console.query('show clients;')).rows).toMatchObject([
      { user: 'trusty', state: 'active', application_name: 'looked-at', component: 'default' },
    ]);
    expect((await console.query('SHOW SERVERS')).rows).toMatchObject([
      { state: 'active', component: 'default' },
    ]);
    expect((await console.query('SHOW COMPONENTS')).rows).toMatchObject([
      { component: 'default', in_use: '1', waiting: '0' },
    ]);
    expect((await console.query('SHOW VERSION')).rows).toHaveLength(1);
    await expect(console.query('DROP DATABASE x')).rejects.toMatchObject({ code: '42601' });
    await expect(console.query('SHOW POOLS WHERE $1', ['x'])).rejects.toMatchObject({ code: '0A000' });
    expect((await console.query('SHOW POOLS')).rows).toHaveLength(1);
    await client.query('COMMIT');
  });

  proxied(
    'is closed to users who are not listed',
    async (proxy) => {
      await expect(connected(proxy, { database: 'pgbouncer' })).rejects.toMatchObject({ code: '42501' });
    },
    { adminUsers: ['scrammer'] },
  );
});

describe('pgbench', () => {
  const reason = existsSync('/usr/bin/pgbench') ? undefined : 'pgbench is not installed';
  for (const mode of ['simple', 'extended', 'prepared']) {
    test(`with 64 clients on 10 servers has no error in ${mode} mode`, async ({ skip }) => {
      if (reason !== undefined || unavailable !== undefined) skip(reason ?? unavailable);
      await using proxy = await startPgProxy(options({}, 10));
      const run = promisify(execFile);
      const at = ['-h', '127.0.0.1', '-U', 'postgres'];
      await run('pgbench', ['-i', '-q', '-s', '1', '-p', String(database.port), ...at, 'postgres']);
      const { stdout } = await run('pgbench', [
        ...['-n', '-S', '-M', mode, '-c', '64', '-j', '2', '-t', '50', '-p', String(proxy.port)],
        ...['-h', '127.0.0.1', '-U', 'trusty', 'postgres'],
      ]);
      expect(stdout).toContain('number of transactions actually processed: 3200/3200');
      expect(stdout).toContain('number of failed transactions: 0 ');
      expect(proxy.counts().servers).toBeLessThanOrEqual(10);
    });
  }
});
