import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { waitUntil } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import { type PgProxy, type PgProxyOptions, startPgProxy } from '../index.ts';
import { type Connected, connected, pidOf, proxiedSuite } from '../proxied/testing.ts';

const { proxied, withPostgres, options } = proxiedSuite();
const adminUsers = ['trusty'];
const at = { database: 'pgbouncer' };

async function row(console: Connected, sql: string): Promise<Record<string, unknown>> {
  return (await console.query(sql)).rows[0] ?? {};
}

describe('PAUSE', () => {
  proxied(
    'lets running transactions end, keeps clients waiting, and RESUME serves them',
    async (proxy) => {
      await using console = await connected(proxy, at);
      await using a = await connected(proxy);
      await using b = await connected(proxy);
      await a.query('BEGIN');
      const pid = await pidOf(a);
      let isPaused = false;
      const paused = console.query('PAUSE').then(() => {
        isPaused = true;
      });
      await using second = await connected(proxy, at);
      await waitUntil(async () => (await row(second, 'SHOW STATE'))['value'] === 'no', { what: 'the pause' });
      const waiting = b.query('SELECT 1 AS one');
      await waitUntil(() => proxy.counts().clientsWaiting === 1, { what: 'a waiting client' });
      expect((await a.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }]);
      expect(isPaused).toBe(false);
      await a.query('COMMIT');
      await paused;
      await waitUntil(() => proxy.counts().servers === 0, { what: 'servers to be closed' });
      await expect(second.query('PAUSE')).rejects.toMatchObject({ code: '55000' });
      await console.query('RESUME');
      expect((await waiting).rows).toEqual([{ one: 1 }]);
      expect(await pidOf(a)).not.toBe(pid);
      await expect(console.query('RESUME')).rejects.toMatchObject({ code: '55000' });
    },
    { adminUsers },
  );

  proxied(
    'of one database leaves the others alone, and a queue in front of it too',
    async (proxy) => {
      await using console = await connected(proxy, at);
      await using holder = await connected(proxy);
      await using waiter = await connected(proxy);
      await using other = await connected(proxy, { database: 'template1' });
      await holder.query('BEGIN');
      const waiting = waiter.query('SELECT 1 AS one');
      const queued = other.query('SELECT 2 AS two');
      await waitUntil(() => proxy.counts().clientsWaiting === 2, { what: 'a queue' });
      const paused = console.query('PAUSE postgres');
      await holder.query('COMMIT');
      await paused;
      expect((await queued).rows).toEqual([{ two: 2 }]);
      expect(await row(console, 'SHOW DATABASES')).toMatchObject({ name: 'postgres', paused: '1' });
      expect(proxy.counts().clientsWaiting).toBe(1);
      await console.query('RESUME postgres');
      expect((await waiting).rows).toEqual([{ one: 1 }]);
    },
    { adminUsers },
    1,
  );
});

describe('RESUME', () => {
  proxied(
    'ends a PAUSE that still waits',
    async (proxy) => {
      await using console = await connected(proxy, at);
      await using second = await connected(proxy, at);
      await using client = await connected(proxy);
      await client.query('BEGIN');
      const paused = console.query('PAUSE');
      await waitUntil(async () => (await row(second, 'SHOW STATE'))['value'] === 'no', { what: 'the pause' });
      await second.query('RESUME');
      await paused;
      await client.query('COMMIT');
    },
    { adminUsers },
  );
});

describe('the admin console', () => {
  proxied(
    'kills the clients of a database, and new ones wait for RESUME',
    async (proxy) => {
      await using console = await connected(proxy, at);
      await using victim = await connected(proxy);
      const told = new Promise((resolve) => victim.once('error', resolve));
      await victim.query('BEGIN');
      await console.query('KILL postgres');
      expect(await told).toMatchObject({ code: '57P01' });
      await using client = await connected(proxy);
      const waiting = client.query('SELECT 1 AS one');
      await waitUntil(() => proxy.counts().clientsWaiting === 1, { what: 'a waiting client' });
      await console.query('RESUME postgres');
      expect((await waiting).rows).toEqual([{ one: 1 }]);
      const id = (await row(console, 'SHOW CLIENTS'))['id'];
      const gone = new Promise((resolve) => client.once('error', resolve));
      await console.query(`KILL_CLIENT ${id}`);
      expect(await gone).toMatchObject({ code: '57P01' });
      await expect(console.query('KILL_CLIENT 1')).rejects.toMatchObject({ code: '42704' });
      await expect(console.query('KILL')).rejects.toMatchObject({ code: '42601' });
    },
    { adminUsers },
  );

  proxied(
    'disables and enables a database',
    async (proxy) => {
      await using console = await connected(proxy, at);
      await using inside = await connected(proxy);
      await console.query('DISABLE postgres');
      await expect(connected(proxy)).rejects.toMatchObject({ message: /"postgres" is disabled/ });
      expect((await inside.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await console.query('ENABLE "postgres"');
      await using client = await connected(proxy);
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    },
    { adminUsers },
  );

  proxied(
    'replaces every server connection without ending a client',
    async (proxy) => {
      await using console = await connected(proxy, at);
      await using client = await connected(proxy);
      await client.query('BEGIN');
      const pid = await pidOf(client);
      await console.query('RECONNECT');
      let isClosed = false;
      const closed = console.query('WAIT_CLOSE').then(() => {
        isClosed = true;
      });
      expect(await pidOf(client)).toBe(pid);
      expect(isClosed).toBe(false);
      await client.query('COMMIT');
      await closed;
      expect(await pidOf(client)).not.toBe(pid);
    },
    { adminUsers },
  );

  proxied(
    'shows what PgBouncer shows',
    async (proxy) => {
      await using console = await connected(proxy, at);
      await using client = await connected(proxy);
      for (let n = 0; n < 3; n++) await client.query('SELECT 1');
      const totals = await row(console, 'SHOW STATS_TOTALS');
      expect(totals).toMatchObject({ database: 'postgres', total_xact_count: '3', total_query_count: '3' });
      expect(Number(totals['total_sent'])).toBeGreaterThan(3 * 30);
      expect(Number(totals['total_received'])).toBeGreaterThanOrEqual(3 * 14);
      for (const topic of ['STATS', 'DATABASES', 'LISTS', 'MEM', 'USERS', 'CONFIG', 'STATE', 'TOTALS']) {
        expect((await console.query(`SHOW ${topic}`)).rows.length, topic).toBeGreaterThan(0);
      }
      const shown = JSON.stringify([
        (await console.query('SHOW CONFIG')).rows,
        (await console.query('SHOW USERS')).rows,
      ]);
      expect(shown).not.toContain('secret');
      expect(shown).not.toContain('pa ss');
      await expect(console.query('SHOW FDS')).rejects.toMatchObject({ code: '0A000' });
      await expect(console.query('SUSPEND')).rejects.toMatchObject({ code: '0A000' });
      await expect(console.query('RELOAD')).rejects.toMatchObject({ code: '0A000' });
    },
    { adminUsers },
  );

  proxied(
    'lets nobody but adminUsers change anything',
    async (proxy) => {
      await using console = await connected(proxy, { ...at, user: 'scrammer', password: 'pa ss' });
      expect((await console.query('SHOW POOLS')).rows).toEqual([]);
      await expect(console.query('PAUSE')).rejects.toMatchObject({ code: '42501' });
    },
    { adminUsers, statsUsers: ['scrammer'] },
  );

  const psql = existsSync('/usr/bin/psql') ? undefined : 'psql is not installed';
  test('is understood by psql', async ({ skip }) => {
    if (psql !== undefined) skip(psql);
    await using proxy = await startPgProxy({
      listen: { host: '127.0.0.1', port: 0 },
      server: { host: '127.0.0.1', port: 1, connections: 1 },
      users: [{ name: 'trusty', auth: 'trust' }],
      adminUsers,
    });
    const run = promisify(execFile);
    const url = `postgresql://trusty@127.0.0.1:${proxy.port}/pgbouncer`;
    const commands = ['SHOW HELP', 'SHOW COMPONENTS', 'RECONNECT'].flatMap((command) => ['-c', command]);
    const { stdout, stderr } = await run('/usr/bin/psql', [url, '-XA', ...commands]);
    expect(stdout).toContain('component|guaranteed|max');
    expect(stdout).toContain('RECONNECT');
    expect(stderr).toContain('PAUSE [db]');
  });
});

describe('SHUTDOWN', () => {
  withPostgres('waits for transactions, or for clients, if asked to', async () => {
    for (const mode of ['WAIT_FOR_SERVERS', 'WAIT_FOR_CLIENTS']) {
      let isDown = false;
      const shutdown = (): void => {
        isDown = true;
      };
      await using proxy = await startPgProxy(options({ adminUsers }), { shutdown });
      await using client = await connected(proxy);
      await client.query('BEGIN');
      await using console = await connected(proxy, at);
      const answer = console.query(`SHUTDOWN ${mode}`);
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await client.query('COMMIT');
      if (mode === 'WAIT_FOR_CLIENTS') {
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
        expect(isDown).toBe(false);
      }
      await client.end();
      await answer;
      await waitUntil(() => isDown, { what: 'the end' });
    }
  });
});

describe('RELOAD', () => {
  async function reloadable(
    first: PgProxyOptions,
  ): Promise<{ proxy: PgProxy; next: (options: PgProxyOptions) => void }> {
    let current = first;
    const proxy = await startPgProxy(first, { readOptions: async () => current });
    return {
      proxy,
      next: (changed) => {
        current = changed;
      },
    };
  }

  withPostgres('takes users, limits, components and the server over without ending a client', async () => {
    const first = options({ adminUsers, components: [{ name: 'a', match: { user: 'trusty' }, max: 1 }] }, 1);
    const { proxy, next } = await reloadable(first);
    await using running = proxy;
    await using console = await connected(running, at);
    await using one = await connected(running);
    await using two = await connected(running);
    await one.query('BEGIN');
    const waiting = two.query('SELECT 1 AS one');
    await waitUntil(() => running.counts().clientsWaiting === 1, { what: 'a waiting client' });
    const components = [
      { name: 'a', match: { user: 'trusty' }, max: 2, queryTimeoutMs: 100 },
      { name: 'b', match: { user: 'new' }, guaranteed: 1 },
    ];
    const users: PgProxyOptions['users'] = [...first.users, { name: 'new', auth: 'trust' }];
    next({ ...first, users, components, server: { ...first.server, connections: 3 } });
    await console.query('RELOAD');
    expect((await waiting).rows).toEqual([{ one: 1 }]);
    await one.query('COMMIT');
    await using added = await connected(running, { user: 'new' });
    expect((await added.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await expect(one.query('SELECT pg_sleep(9)')).rejects.toMatchObject({ code: '57014' });
    expect((await console.query('SHOW COMPONENTS')).rows).toMatchObject([
      { component: 'a', max: '2' },
      { component: 'default' },
      { component: 'b', guaranteed: '1' },
    ]);
    next(first);
    await console.query('RELOAD');
    await expect(connected(running, { user: 'new', password: 'x' })).rejects.toMatchObject({ code: '28P01' });
    await waitUntil(() => running.counts().servers <= 1, { what: 'the smaller pool' });
    expect((await two.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  withPostgres('changes nothing when the new options are wrong', async () => {
    const first = options({ adminUsers });
    const { proxy, next } = await reloadable(first);
    await using running = proxy;
    await using console = await connected(running, at);
    next({ ...first, clientConnectionsMax: 0 });
    await expect(console.query('RELOAD')).rejects.toMatchObject({
      code: '22023',
      message: expect.stringContaining('PGPROXY_OPTIONS_INVALID'),
    });
    await using client = await connected(running);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});
