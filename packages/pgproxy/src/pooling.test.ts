import * as wire from '@sampan/pg-wire';
import { waitUntil } from '@sampan/testkit';
import { describe, expect } from 'vitest';
import type { PgProxy } from './index.ts';
import { connected, pidOf, proxiedSuite } from './proxied/testing.ts';
import { startRawSession, tagsOf } from './testing.ts';

const { proxied } = proxiedSuite();

const bind = wire.encodeBind({
  portal: '',
  statement: '',
  parameterFormats: [],
  parameters: [],
  resultFormats: [],
});
const execute = wire.encodeExecute({ portal: '', rowsMax: 0 });

async function holders(proxy: PgProxy): Promise<Record<string, unknown>[]> {
  await using console = await connected(proxy, { database: 'pgproxy' });
  return (await console.query('SHOW HOLDERS')).rows;
}

describe('pooling by session', () => {
  proxied(
    'keeps one server for a client until it leaves, and hands it on clean',
    async (proxy) => {
      await using a = await connected(proxy);
      const pid = await pidOf(a);
      await a.query(
        `SET statement_timeout = '7s'; CREATE TEMP TABLE mine (n int); PREPARE one AS SELECT 1 AS one`,
      );
      await a.query({ name: 'named', text: 'SELECT 2 AS two' });
      expect(await pidOf(a)).toBe(pid);
      expect((await a.query('EXECUTE one')).rows).toEqual([{ one: 1 }]);
      expect((await a.query('SELECT count(*)::int AS n FROM mine')).rows).toEqual([{ n: 0 }]);
      expect((await a.query({ name: 'named', text: 'SELECT 2 AS two' })).rows).toEqual([{ two: 2 }]);
      const names = await a.query('SELECT name FROM pg_prepared_statements ORDER BY 1');
      expect(names.rows).toEqual([{ name: 'named' }, { name: 'one' }]);
      expect(proxy.counts().sharesInUse).toBe(1);
      await a.end();
      await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'the session to end' });
      await using b = await connected(proxy);
      expect(await pidOf(b)).toBe(pid);
      expect((await b.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '0' }]);
      expect((await b.query(`SELECT to_regclass('pg_temp.mine') AS t`)).rows).toEqual([{ t: null }]);
      expect((await b.query('SELECT name FROM pg_prepared_statements')).rows).toEqual([]);
    },
    { poolMode: 'session' },
    1,
  );

  proxied(
    'can be chosen for one user and one component',
    async (proxy) => {
      await using one = await connected(proxy, { user: 'sitter' });
      await using two = await connected(proxy, { application_name: 'sits' });
      await using three = await connected(proxy);
      for (const client of [one, two, three]) await client.query('SELECT 1');
      expect(proxy.counts().sharesInUse).toBe(2);
      expect(await holders(proxy)).toMatchObject([{ pinned: 'session' }, { pinned: 'session' }]);
    },
    {
      users: [
        { name: 'trusty', auth: 'trust' },
        { name: 'sitter', auth: 'trust', poolMode: 'session' },
      ],
      components: [{ name: 'sitting', match: { applicationName: 'sits' }, poolMode: 'session' }],
    },
    3,
  );
});

describe('pooling by statement', () => {
  proxied(
    'ends a client that opens a transaction block',
    async (proxy) => {
      await using client = await connected(proxy);
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      const failure = new Promise((resolve) => client.once('error', resolve));
      await client.query('BEGIN').catch(() => {});
      expect(await failure).toMatchObject({
        message: 'transaction blocks not allowed in statement pooling mode',
      });
    },
    { poolMode: 'statement' },
  );
});

describe('session state in transaction pooling', () => {
  const made: [string, string][] = [
    ['LISTEN jobs', 'listen'],
    ['BEGIN; LISTEN jobs; COMMIT', 'listen'],
    ['CREATE TEMP TABLE t (n int)', 'temporary table'],
    ['SELECT pg_advisory_lock(7)', 'advisory lock'],
    ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'hold cursor'],
    ['PREPARE one AS SELECT 1', 'prepare'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'set'],
    [`BEGIN; SET statement_timeout = '5s'; COMMIT`, 'set'],
  ];
  for (const [sql, reason] of made) {
    proxied(`keeps the server of a client that sends ${sql}, until DISCARD ALL`, async (proxy) => {
      await using client = await connected(proxy);
      await client.query(sql);
      const pid = await pidOf(client);
      expect(await holders(proxy)).toMatchObject([
        { pinned: reason, state: 'idle', server_pid: String(pid) },
      ]);
      expect(await pidOf(client)).toBe(pid);
      await client.query('DISCARD ALL');
      await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'the server to be free' });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      expect(await holders(proxy)).toEqual([]);
    });

    proxied(
      `refuses ${sql} on request, and the session goes on`,
      async (proxy) => {
        await using client = await connected(proxy);
        const error = { code: '0A000', message: expect.stringContaining(`(${reason})`) };
        await expect(client.query(sql)).rejects.toMatchObject(error);
        if (!sql.startsWith('BEGIN')) {
          await expect(client.query({ text: sql, values: [] })).rejects.toMatchObject(error);
          await expect(client.query({ name: 'x', text: sql })).rejects.toMatchObject(error);
        }
        await client.query('BEGIN');
        await expect(client.query(sql)).rejects.toMatchObject(error);
        await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
        await client.query('ROLLBACK');
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      },
      { pinning: 'refuse' },
    );
  }

  proxied(
    'of a client that left is gone before the next one gets its server',
    async (proxy) => {
      await using a = await connected(proxy);
      await a.query('SELECT pg_advisory_lock(7)');
      await a.query({ name: 'kept', text: 'SELECT 1' });
      await a.end();
      await using b = await connected(proxy);
      expect((await b.query('SELECT pg_try_advisory_lock(7) AS got')).rows).toEqual([{ got: true }]);
      await b.query('DISCARD ALL');
      await using c = await connected(proxy);
      expect((await c.query({ name: 'kept', text: 'SELECT 1 AS one' })).rows).toEqual([{ one: 1 }]);
    },
    {},
    1,
  );

  proxied(
    "is the client's own risk when pinning is ignored",
    async (proxy) => {
      await using client = await connected(proxy);
      await client.query('LISTEN jobs');
      expect(await holders(proxy)).toEqual([]);
    },
    { pinning: 'ignore' },
  );

  proxied('reaches a listener while it is idle', async (proxy) => {
    await using listener = await connected(proxy);
    await using speaker = await connected(proxy);
    const heard = new Promise((resolve) => listener.once('notification', resolve));
    await listener.query('LISTEN jobs');
    await speaker.query(`NOTIFY jobs, 'one'`);
    expect(await heard).toMatchObject({ channel: 'jobs', payload: 'one' });
  });

  proxied(
    'made by a prepared statement pins whenever it runs',
    async (proxy) => {
      await using client = await connected(proxy);
      const lock = { name: 'lock', text: 'SELECT pg_advisory_lock($1)', values: [3] };
      await client.query(lock);
      expect(await holders(proxy)).toMatchObject([{ pinned: 'advisory lock' }]);
      await client.query('SELECT pg_advisory_unlock_all()');
      expect(await holders(proxy)).toMatchObject([
        { statement: 'SELECT pg_advisory_unlock_all()', component: 'default', user: 'trusty' },
      ]);
    },
    {},
    1,
  );
});

describe('settings PostgreSQL does not report', () => {
  proxied('follow their client from server to server without a pin', async (proxy) => {
    await using a = await connected(proxy, { options: '-c lock_timeout=9000' });
    await using b = await connected(proxy);
    await a.query(`SET statement_timeout = '7s'`);
    await a.query({ text: `SET lock_timeout TO 8000`, values: [] });
    const show = `SELECT current_setting('statement_timeout') AS s, current_setting('lock_timeout') AS l`;
    for (let round = 0; round < 4; round++) {
      const [one, two] = await Promise.all([a.query(show), b.query(show)]);
      expect(one.rows).toEqual([{ s: '7s', l: '8s' }]);
      expect(two.rows).toEqual([{ s: '0', l: '0' }]);
    }
    expect(proxy.counts().sharesInUse).toBe(0);
    await a.query('RESET statement_timeout');
    await a.query('SET lock_timeout TO DEFAULT');
    await b.query('SELECT 1');
    expect((await a.query(show)).rows).toEqual([{ s: '0', l: '9s' }]);
    await a.query(`SET statement_timeout = '7s'`);
    await a.query('RESET ALL');
    await b.query('SELECT 1');
    expect((await a.query(show)).rows).toEqual([{ s: '0', l: '9s' }]);
  });

  proxied('are forgotten when the transaction that set them failed', async (proxy) => {
    await using session = await startRawSession(proxy.port);
    session.send(
      wire.encodeParse({ name: '', query: `SET statement_timeout = '7s'`, parameterTypes: [] }),
      bind,
      execute,
      wire.encodeParse({ name: '', query: 'SELECT 1/0', parameterTypes: [] }),
      bind,
      execute,
      wire.encodeSync(),
    );
    expect(tagsOf(await session.untilReady())).toBe('12C1EZ');
    session.send(wire.encodeQuery('SHOW statement_timeout'));
    const seen = await session.untilReady();
    expect(wire.parseDataRow(seen[1]?.payload ?? Buffer.alloc(2))[0]?.toString()).toBe('0');
  });
});

describe('limits of a component', () => {
  const components = [
    { name: 'strict', match: { user: 'trusty' }, queryTimeoutMs: 150, idleTransactionTimeoutMs: 150 },
  ];
  proxied(
    'interrupt a statement that runs too long, and say so',
    async (proxy) => {
      await using client = await connected(proxy);
      await expect(client.query('SELECT pg_sleep(20)')).rejects.toMatchObject({
        code: '57014',
        message: expect.stringMatching(/component "strict": 150 ms \(queryTimeoutMs\)/),
      });
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    },
    { components },
  );

  proxied(
    'end a client whose transaction idles, and give its server back',
    async (proxy) => {
      await using client = await connected(proxy);
      const failure = new Promise((resolve) => client.once('error', resolve));
      await client.query('BEGIN');
      expect(await failure).toMatchObject({
        code: '25P03',
        message: expect.stringContaining('(idleTransactionTimeoutMs)'),
      });
      await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'the server to be rolled back' });
    },
    { components },
  );
});
