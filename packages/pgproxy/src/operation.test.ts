import { createCertificate } from '@sampan/base';
import * as wire from '@sampan/pg-wire';
import { connectTcp, createRandom, waitUntil } from '@sampan/testkit';
import { describe, expect } from 'vitest';
import { startPgProxy } from './index.ts';
import { connected, pidOf, proxiedSuite } from './proxied/testing.ts';
import { splitMessages, startRawSession, tagsOf } from './testing.ts';

const { proxied, withPostgres, options } = proxiedSuite();

async function cancel(port: number, victim: { processId: number; secretKey: Buffer }): Promise<void> {
  await using request = await connectTcp(port);
  request.send(wire.encodeCancelRequest(victim.processId, victim.secretKey));
  await request.closed();
}

describe('cancel', () => {
  proxied(
    'never hits the next client of the server, however it interleaves',
    async (proxy) => {
      const random = createRandom(7);
      await using victim = await startRawSession(proxy.port);
      await using bystander = await connected(proxy);
      let isOver = false;
      const bystanding = (async () => {
        let count = 0;
        for (; !isOver; count++) await bystander.query('SELECT pg_sleep(0.001)');
        return count;
      })();
      for (let round = 0; round < 120; round++) {
        victim.send(wire.encodeQuery(`SELECT pg_sleep(${random.integer(4) / 1000})`));
        const cancels = Array.from({ length: random.integer(4) }, () => cancel(proxy.port, victim));
        const tags = tagsOf(await victim.untilReady());
        expect(['TDCZ', 'EZ', 'TEZ']).toContain(tags);
        await Promise.all(cancels);
      }
      isOver = true;
      expect(await bystanding).toBeGreaterThan(0);
    },
    {},
    1,
  );

  proxied(
    'gets through while every server is busy and clients wait',
    async (proxy) => {
      await using victim = await startRawSession(proxy.port);
      await using waiter = await connected(proxy);
      victim.send(wire.encodeQuery('SELECT pg_sleep(60)'));
      await waitUntil(() => proxy.counts().sharesInUse === 1, { what: 'the server to be busy' });
      const waiting = waiter.query('SELECT 1 AS one');
      await waitUntil(() => proxy.counts().clientsWaiting === 1, { what: 'a waiting client' });
      await cancel(proxy.port, victim);
      expect(tagsOf(await victim.untilReady())).toContain('EZ');
      expect((await waiting).rows).toEqual([{ one: 1 }]);
    },
    {},
    1,
  );

  proxied('uses long keys in protocol 3.2 on both sides', async (proxy) => {
    await using client = await connectTcp(proxy.port);
    client.send(
      wire.encodeStartup(
        [
          ['user', 'trusty'],
          ['database', 'postgres'],
        ],
        2,
      ),
    );
    const welcome = splitMessages(
      await client.waitFor((all) => tagsOf(splitMessages(all)).endsWith('Z'), 'a welcome'),
    );
    expect(welcome.some(({ tag }) => tag === 'v')).toBe(false);
    const key = wire.parseBackendKeyData(welcome.find(({ tag }) => tag === 'K')?.payload ?? Buffer.alloc(8));
    expect(key.secretKey).toHaveLength(32);
    client.send(wire.encodeQuery('SELECT pg_sleep(60)'));
    await waitUntil(() => proxy.counts().sharesInUse === 1, { what: 'the statement to run' });
    await cancel(proxy.port, key);
    await client.waitFor((all) => all.includes('57014'), 'the cancellation');
  });
});

describe('towards PostgreSQL', () => {
  withPostgres('the next host is tried when one does not answer', async (database) => {
    const at = options();
    const otherHosts = [{ host: database.host, port: database.port }];
    await using proxy = await startPgProxy({ ...at, server: { ...at.server, port: 1, otherHosts } });
    await using client = await connected(proxy);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  withPostgres('a session that is not what targetSession asks for is refused with the reason', async () => {
    const at = options();
    await using wrong = await startPgProxy({ ...at, server: { ...at.server, targetSession: 'standby' } });
    await expect(connected(wrong)).rejects.toMatchObject({
      code: '57P03',
      message: expect.stringContaining('(server.targetSession)'),
    });
    await using right = await startPgProxy({ ...at, server: { ...at.server, targetSession: 'read-write' } });
    await using client = await connected(right);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  withPostgres('TLS is used as server.tls.mode demands', async (database) => {
    const at = options();
    const withMode = (mode: 'prefer' | 'require' | 'verify-ca' | 'verify-full', ca?: string) =>
      startPgProxy({ ...at, server: { ...at.server, tls: { mode, ...(ca === undefined ? {} : { ca }) } } });
    {
      await using preferring = await withMode('prefer');
      await using client = await connected(preferring);
      expect((await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows).toEqual([
        { ssl: false },
      ]);
      await using demanding = await withMode('require');
      await expect(connected(demanding)).rejects.toMatchObject({
        message: expect.stringContaining('it offers no TLS, which server.tls.mode "require" demands'),
      });
    }
    const { cert, key } = await createCertificate(['127.0.0.1']);
    await using direct = await connected({ port: database.port }, { user: 'postgres' });
    const { rows } = await direct.query(`SHOW data_directory`);
    const folder = String(rows[0]?.data_directory);
    for (const [name, text] of [
      ['server.crt', cert],
      ['server.key', key],
    ]) {
      await direct.query(
        `COPY (SELECT 1) TO PROGRAM 'umask 077; cat > ${folder}/${name} <<EOF\n${text}\nEOF\n'`,
      );
    }
    await direct.query('ALTER SYSTEM SET ssl = on');
    await direct.query('SELECT pg_reload_conf()');
    await waitUntil(async () => (await direct.query('SHOW ssl')).rows[0]?.ssl === 'on', { what: 'TLS' });
    for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full'] as const) {
      await using proxy = await withMode(mode, cert);
      await using client = await connected(proxy);
      const seen = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      expect(seen.rows, mode).toEqual([{ ssl: true }]);
      await using raw = await startRawSession(proxy.port);
      raw.send(wire.encodeQuery('SELECT pg_sleep(60)'));
      await waitUntil(() => proxy.counts().sharesInUse === 1, { what: 'the statement to run' });
      await cancel(proxy.port, raw);
      expect(tagsOf(await raw.untilReady())).toContain('EZ');
      expect(
        (await client.query(`SELECT repeat('x', 1000) FROM generate_series(1, 2000)`)).rows,
      ).toHaveLength(2000);
    }
    const other = await createCertificate(['127.0.0.1']);
    await using wary = await withMode('verify-ca', other.cert);
    await expect(connected(wary)).rejects.toMatchObject({ code: '08006' });
    await direct.query('ALTER SYSTEM RESET ssl');
    await direct.query('SELECT pg_reload_conf()');
  });

  withPostgres('sessions older than lifetimeMs are replaced', async () => {
    const at = options({}, 1);
    await using proxy = await startPgProxy({
      ...at,
      server: { ...at.server, connections: 1, lifetimeMs: 1 },
    });
    await using client = await connected(proxy);
    await client.query('SELECT pg_sleep(0.01)');
    const pid = await pidOf(client);
    await client.query('SELECT pg_sleep(0.01)');
    expect(await pidOf(client)).not.toBe(pid);
  });

  withPostgres('quiet sessions are checked, and dead ones replaced before a client notices', async () => {
    const at = options({}, 1);
    const server = { ...at.server, connections: 1, checkDelayMs: 1, checkQuery: 'SELECT pg_backend_pid()' };
    await using proxy = await startPgProxy({ ...at, server });
    await using client = await connected(proxy);
    const pid = await pidOf(client);
    await using direct = await connected({ port: at.server.port }, { user: 'postgres' });
    await waitUntil(
      async () => {
        const { rows } = await direct.query('SELECT query FROM pg_stat_activity WHERE pid = $1', [pid]);
        return rows[0]?.query === 'SELECT pg_backend_pid()';
      },
      { what: 'the check' },
    );
    expect(await pidOf(client)).toBe(pid);
  });
});
