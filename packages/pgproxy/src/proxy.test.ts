import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createCertificate, createLog } from '@sampan/base';
import * as wire from '@sampan/pg-wire';
import { startTestPostgres, type TestPostgres } from '@sampan/postgres/testing';
import { waitUntil } from '@sampan/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PgProxy, type PgProxyOptions, startPgProxy } from './index.ts';
import { splitMessages, startRawSession, tagsOf } from './testing.ts';

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
    // A login that the last waiter asked for may still be on its way.
    await waitUntil(() => proxy.counts().serversIdle === proxy.counts().servers, {
      what: 'every server to be idle',
    });
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
    expect(first?.payload.toString('latin1')).toBe('\0\x03\0\x02\0\0\0\x01_pq_.unheard\0');
    // PostgreSQL 18 itself answers with the same bytes.
    await using direct = await connectTcp(database.port);
    direct.send(startup);
    const same = await direct.waitFor((all) => splitMessages(all).length > 0, 'an answer');
    expect(splitMessages(same)[0]).toEqual(first);
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
