import { createServer, type Socket } from 'node:net';
import * as wire from '@sampan/pg-wire';
import { startTestPostgres, type TestPostgres } from '@sampan/postgres/testing';
import { connectTcp, createRandom, waitUntil } from '@sampan/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PgProxy, type PgProxyOptions, startPgProxy } from './index.ts';
import { type RawSession, startRawSession, tagsOf } from './testing.ts';

let database: TestPostgres;
let unavailable: string | undefined;
let admin: pg.Client;

beforeAll(async () => {
  try {
    database = await startTestPostgres({ initdbFlags: ['--auth-host=trust'] });
  } catch (error) {
    unavailable = String(error);
    return;
  }
  admin = new pg.Client({ host: database.host, port: database.port, user: 'postgres' });
  await admin.connect();
  await admin.query('CREATE TABLE trace (n int)');
}, 60_000);

afterAll(async () => {
  await admin?.end();
  await database?.stop();
});

function options(rest: Partial<PgProxyOptions> = {}, connections = 2): PgProxyOptions {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    server: { host: database.host, port: database.port, connections, user: 'postgres', resetTimeoutMs: 1000 },
    users: [
      { name: 'trusty', auth: 'trust' },
      { name: 'other', auth: 'trust' },
      { name: 'scrammer', password: 'pw' },
    ],
    ...rest,
  };
}

/** Every count is as if nothing had happened, and the next client finds a clean server. */
async function expectUnharmed(proxy: PgProxy): Promise<void> {
  await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'all shares to be free' });
  await waitUntil(() => proxy.counts().servers === proxy.counts().serversIdle, {
    what: 'closed servers to be gone',
  });
  const { rows } = await admin.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'`,
  );
  expect(rows).toEqual([{ n: 0 }]);
  await using next = await startRawSession(proxy.port);
  next.send(wire.encodeQuery('SELECT count(*) FROM trace'));
  const seen = await next.untilReady();
  expect(tagsOf(seen)).toBe('TDCZ');
  expect(wire.parseDataRow(seen[1]?.payload ?? Buffer.alloc(2))[0]?.toString()).toBe('0');
  next.client.socket.end(wire.encodeTerminate());
  await next.untilClosed();
  await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'the check itself to end' });
}

function survives(
  title: string,
  run: (proxy: PgProxy) => Promise<void>,
  rest: Partial<PgProxyOptions> = {},
  connections = 2,
): void {
  test(title, async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    await using proxy = await startPgProxy(options(rest, connections));
    await run(proxy);
    await expectUnharmed(proxy);
  });
}

const errorOf = (seen: Awaited<ReturnType<RawSession['untilReady']>>): Map<string, string> =>
  wire.parseErrorFields(seen.find(({ tag }) => tag === 'E')?.payload ?? Buffer.alloc(1));

const parse = (name: string, query: string) => wire.encodeParse({ name, query, parameterTypes: [] });
const bind = (statement: string) =>
  wire.encodeBind({ portal: '', statement, parameterFormats: [], parameters: [], resultFormats: [] });
const execute = wire.encodeExecute({ portal: '', rowsMax: 0 });
const copyData = (text: string): Buffer => {
  const bytes = Buffer.from(`d\0\0\0\0${text}`);
  bytes.writeUInt32BE(bytes.length - 1, 1);
  return bytes;
};

describe('bytes that are not the protocol', () => {
  const packets: [string, Buffer, string][] = [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), '08P01'],
    ['zeros', Buffer.alloc(100), '08P01'],
    ['a length of two gigabytes', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0]), '08P01'],
    ['protocol version 2', Buffer.from([0, 0, 0, 9, 0, 2, 0, 0, 0]), '0A000'],
    ['no user', Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]), '28000'],
    [
      'a replication start',
      wire.encodeStartup(Object.entries({ user: 'trusty', replication: 'database' })),
      '0A000',
    ],
    [
      'a setting with a strange name',
      wire.encodeStartup(Object.entries({ user: 'trusty', 'a b': 'x' })),
      '42704',
    ],
  ];
  for (const [what, packet, code] of packets) {
    survives(`are refused with ${code} at start-up: ${what}`, async (proxy) => {
      await using client = await connectTcp(proxy.port);
      client.send(packet);
      const bytes = await client.closed();
      const at = bytes.indexOf('E'.charCodeAt(0));
      expect(bytes.subarray(at).toString('latin1')).toContain(`C${code}`);
    });
  }

  const messages: [string, Buffer][] = [
    ['an unknown letter', Buffer.from([0x7a, 0, 0, 0, 4])],
    ['a length below four', Buffer.from([0x51, 0, 0, 0, 1])],
    ['a length over the limit', Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])],
    ['Bind without names', Buffer.from([0x42, 0, 0, 0, 8, 1, 1, 1, 1])],
    ['Describe without a name', Buffer.from([0x44, 0, 0, 0, 5, 0x53])],
    ['Parse without end', Buffer.from([0x50, 0, 0, 0, 8, 0x61, 0x61, 0x61, 0x61])],
  ];
  for (const [what, message] of messages) {
    survives(`end only the session that sent them, also inside a transaction: ${what}`, async (proxy) => {
      await using session = await startRawSession(proxy.port);
      session.send(wire.encodeQuery('BEGIN; INSERT INTO trace VALUES (1)'));
      await session.untilReady();
      session.send(message);
      const seen = await session.untilClosed();
      expect(errorOf(seen).get('S')).toBe('FATAL');
      expect(errorOf(seen).get('C')).toBe('08P01');
    });
  }

  survives('at random never harm anybody else', async (proxy) => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = createRandom(seed);
      await using session = await startRawSession(proxy.port);
      if (seed % 3 === 0) session.send(wire.encodeQuery('BEGIN; INSERT INTO trace VALUES (1)'));
      if (seed % 5 === 0) session.send(parse('a', 'SELECT 1'), bind('a'));
      const tags = Buffer.from('QPBDECHSdcfFX');
      const bytes = Buffer.from(random.bytes(1 + random.integer(200)));
      bytes[0] = tags[random.integer(tags.length)] ?? 0;
      if (seed % 2 === 0 && bytes.length > 5) bytes.writeUInt32BE(random.integer(bytes.length), 1);
      session.send(bytes);
      session.client.socket.end();
      await session.untilClosed();
    }
  });
});

describe('a client that vanishes', () => {
  const states: [string, (session: RawSession) => Promise<void> | void][] = [
    ['before anything', () => {}],
    [
      'in an open transaction',
      async (session) => {
        session.send(wire.encodeQuery('BEGIN; INSERT INTO trace VALUES (1)'));
        await session.untilReady();
      },
    ],
    [
      'in a failed transaction',
      async (session) => {
        session.send(wire.encodeQuery('BEGIN; INSERT INTO trace VALUES (1)'), wire.encodeQuery('SELECT 1/0'));
        await session.untilReady(2);
      },
    ],
    ['while a query runs', (session) => session.send(wire.encodeQuery('BEGIN; SELECT pg_sleep(0.2)'))],
    ['while a long query runs', (session) => session.send(wire.encodeQuery('SELECT pg_sleep(60)'))],
    [
      'with half a message sent',
      (session) =>
        session.send(
          wire.encodeQuery(`INSERT INTO trace VALUES (1) -- ${'x'.repeat(30_000)}`).subarray(0, 20_000),
        ),
    ],
    ['with half a header sent', (session) => session.send(Buffer.from([0x51, 0, 0]))],
    [
      'between Execute and Sync',
      (session) => session.send(parse('', 'INSERT INTO trace VALUES (1)'), bind(''), execute),
    ],
    [
      'between an error and Sync',
      async (session) => {
        session.send(parse('', 'SELEKT'), bind(''), execute);
        await session.until((seen) => seen.some(({ tag }) => tag === 'E'), 'the error');
      },
    ],
    [
      'in the middle of COPY FROM STDIN',
      async (session) => {
        session.send(wire.encodeQuery('COPY trace FROM STDIN'));
        await session.until((seen) => seen.some(({ tag }) => tag === 'G'), 'CopyInResponse');
        session.send(copyData('1\n'));
      },
    ],
    [
      'in the middle of COPY in the extended protocol',
      async (session) => {
        session.send(parse('', 'COPY trace FROM STDIN'), bind(''), execute, wire.encodeSync());
        await session.until((seen) => seen.some(({ tag }) => tag === 'G'), 'CopyInResponse');
        session.send(copyData('1\n'));
      },
    ],
    [
      'while it reads a large result',
      async (session) => {
        session.send(wire.encodeQuery(`BEGIN; SELECT repeat('x', 1000) FROM generate_series(1, 50000)`));
        await session.until((seen) => seen.some(({ tag }) => tag === 'D'), 'the first rows');
      },
    ],
  ];
  for (const [state, reach] of states) {
    for (const way of ['closing', 'resetting', 'saying goodbye'] as const) {
      survives(`${state}, ${way}, leaves its server clean`, async (proxy) => {
        await using session = await startRawSession(proxy.port);
        await reach(session);
        if (way === 'closing') session.client.socket.end();
        else if (way === 'resetting') session.client.socket.resetAndDestroy();
        else session.client.socket.end(wire.encodeTerminate());
        await session.untilClosed();
      });
    }
  }

  survives(
    'while it waits leaves the queue',
    async (proxy) => {
      await using holder = await startRawSession(proxy.port);
      holder.send(wire.encodeQuery('BEGIN'));
      await holder.untilReady();
      const waiters = await Promise.all(Array.from({ length: 5 }, () => startRawSession(proxy.port)));
      for (const waiter of waiters) waiter.send(wire.encodeQuery('SELECT 1'));
      await waitUntil(() => proxy.counts().clientsWaiting === 5, { what: 'five waiting clients' });
      for (const waiter of waiters.slice(0, 4)) waiter.client.socket.destroy();
      await waitUntil(() => proxy.counts().clientsWaiting === 1, { what: 'one waiting client' });
      holder.send(wire.encodeQuery('COMMIT'));
      expect(tagsOf((await waiters[4]?.untilReady()) ?? [])).toBe('TDCZ');
      waiters[4]?.client.socket.destroy();
    },
    {},
    1,
  );

  survives('having sent a whole request keeps its effect, as with PostgreSQL', async (proxy) => {
    await using session = await startRawSession(proxy.port);
    session.send(
      wire.encodeQuery('CREATE TABLE kept AS SELECT 1 AS n FROM pg_sleep(0.1)'),
      wire.encodeTerminate(),
    );
    await session.untilClosed();
    await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'the request to finish' });
    expect((await admin.query('SELECT n FROM kept')).rows).toEqual([{ n: 1 }]);
    await admin.query('DROP TABLE kept');
  });
});

describe('a server that dies', () => {
  survives('under a client in a transaction gives it a fatal error and nobody else', async (proxy) => {
    await using victim = await startRawSession(proxy.port);
    await using bystander = await startRawSession(proxy.port);
    for (const session of [victim, bystander])
      session.send(wire.encodeQuery('BEGIN; SELECT pg_backend_pid()'));
    const row = (await victim.untilReady()).find(({ tag }) => tag === 'D');
    await bystander.untilReady();
    const pid = Number(wire.parseDataRow(row?.payload ?? Buffer.alloc(2))[0]?.toString());
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    const fields = errorOf(await victim.untilClosed());
    expect([fields.get('S'), fields.get('C')]).toEqual(['FATAL', '57P01']);
    bystander.send(wire.encodeQuery('COMMIT'));
    expect(tagsOf(await bystander.untilReady())).toBe('CZ');
  });

  survives('while idle is replaced', async (proxy) => {
    await using session = await startRawSession(proxy.port);
    session.send(wire.encodeQuery('SELECT pg_backend_pid()'));
    const row = (await session.untilReady()).find(({ tag }) => tag === 'D');
    const pid = Number(wire.parseDataRow(row?.payload ?? Buffer.alloc(2))[0]?.toString());
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await waitUntil(() => proxy.counts().servers === 0, { what: 'the loss to be noticed' });
    session.send(wire.encodeQuery('SELECT 1'));
    expect(tagsOf(await session.untilReady())).toBe('TDCZ');
  });

  test('without a word gives its client 08006', async () => {
    const sockets: Socket[] = [];
    // A server that lets everybody in and hangs up at the first query.
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write(Buffer.concat([wire.encodeAuthenticationOk(), wire.encodeReadyForQuery('I')]));
        socket.once('data', () => socket.destroy());
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await using proxy = await startPgProxy({
      listen: { host: '127.0.0.1', port: 0 },
      server: { host: '127.0.0.1', port, connections: 1 },
      users: [{ name: 'trusty', auth: 'trust' }],
    });
    await using session = await startRawSession(proxy.port);
    session.send(wire.encodeQuery('SELECT 1'));
    const fields = errorOf(await session.untilClosed());
    expect([fields.get('S'), fields.get('C')]).toEqual(['FATAL', '08006']);
    expect(proxy.counts()).toEqual({
      clients: 0,
      clientsWaiting: 0,
      servers: 0,
      serversIdle: 0,
      sharesInUse: 0,
    });
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});

describe('stopping the proxy', () => {
  test('tells every client and leaves nothing running', async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const proxy = await startPgProxy(options());
    await using running = await startRawSession(proxy.port);
    await using idle = await startRawSession(proxy.port);
    running.send(wire.encodeQuery('SELECT pg_sleep(60)'));
    await waitUntil(() => proxy.counts().sharesInUse === 1, { what: 'the query to run' });
    await proxy.stop();
    for (const session of [running, idle])
      expect(errorOf(await session.untilClosed()).get('C')).toBe('57P01');
    const others = `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
    await waitUntil(async () => (await admin.query(others)).rowCount === 0, {
      what: 'PostgreSQL to be alone',
    });
    await proxy.stop();
  });
});

describe('a client that does not read', () => {
  survives('stops PostgreSQL, not the proxy, and others go on', async (proxy) => {
    await using slow = await startRawSession(proxy.port);
    slow.client.socket.pause();
    slow.send(wire.encodeQuery(`SELECT repeat('x', 10000) FROM generate_series(1, 20000)`));
    const before = process.memoryUsage().rss;
    await using quick = await startRawSession(proxy.port);
    for (let n = 0; n < 50; n++) {
      quick.send(wire.encodeQuery('SELECT 1'));
      expect(tagsOf(await quick.untilReady())).toBe('TDCZ');
    }
    // The result is 200 MB; what waits for the slow client in this process is not.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    expect(proxy.counts().sharesInUse).toBe(1);
    slow.client.socket.destroy();
  });

  survives('gets everything when it reads at last', async (proxy) => {
    await using slow = await startRawSession(proxy.port);
    slow.client.socket.pause();
    slow.send(wire.encodeQuery(`SELECT repeat('x', 1000) FROM generate_series(1, 20000)`));
    await using quick = await startRawSession(proxy.port);
    quick.send(wire.encodeQuery('SELECT 1'));
    await quick.untilReady();
    let bytes = 0;
    slow.client.socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    slow.client.socket.resume();
    // 20,000 rows of 1,000 bytes with 11 bytes of frame each, and the description and end of the result.
    await waitUntil(() => bytes > 20_000 * 1011, { what: 'the whole result' });
    await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'the server to be free' });
  });
});

describe('many clients', () => {
  survives(
    'that interleave transactions at random never see each other',
    async (proxy) => {
      const clients = await Promise.all(
        Array.from({ length: 20 }, async (_, n) => ({
          n,
          random: createRandom(n + 1),
          session: await startRawSession(proxy.port),
        })),
      );
      await Promise.all(
        clients.map(async ({ n, random, session }) => {
          for (let round = 0; round < 30; round++) {
            const tag = `${n}-${round}`;
            const isExtended = random.integer(2) === 0;
            const fails = random.integer(4) === 0;
            session.send(wire.encodeQuery('BEGIN'));
            await session.untilReady();
            if (isExtended)
              session.send(
                parse(`s${round % 3}-${round}`, `SELECT '${tag}'`),
                bind(`s${round % 3}-${round}`),
                execute,
                wire.encodeSync(),
              );
            else session.send(wire.encodeQuery(`SELECT '${tag}'`));
            const row = (await session.untilReady()).find((message) => message.tag === 'D');
            expect(wire.parseDataRow(row?.payload ?? Buffer.alloc(2))[0]?.toString()).toBe(tag);
            if (fails) {
              session.send(wire.encodeQuery('SELECT 1/0'));
              expect(tagsOf(await session.untilReady())).toBe('EZ');
            }
            session.send(wire.encodeQuery(fails ? 'ROLLBACK' : 'COMMIT'));
            expect(tagsOf(await session.untilReady())).toBe('CZ');
          }
          session.client.socket.destroy();
        }),
      );
    },
    {},
    3,
  );

  survives(
    'over the limit are told which option limits them, and cancel still works',
    async (proxy) => {
      await using first = await startRawSession(proxy.port);
      first.send(wire.encodeQuery('SELECT pg_sleep(30)'));
      await using second = await connectTcp(proxy.port);
      second.send(wire.encodeStartup(Object.entries({ user: 'trusty', database: 'postgres' })));
      expect((await second.closed()).toString('latin1')).toMatch(/C53300.*clientConnectionsMax/s);
      await using cancel = await connectTcp(proxy.port);
      cancel.send(wire.encodeCancelRequest(first.processId, first.secretKey));
      expect(errorOf(await first.untilReady()).get('C')).toBe('57014');
      first.client.socket.destroy();
      await waitUntil(() => proxy.counts().clients === 0, { what: 'the first client to be gone' });
    },
    { clientConnectionsMax: 1 },
  );

  survives(
    'that do not finish their login are put out',
    async (proxy) => {
      await using client = await connectTcp(proxy.port);
      client.send(Buffer.from([0, 0]));
      expect((await client.closed()).toString('latin1')).toContain('startupTimeoutMs');
    },
    { startupTimeoutMs: 50 },
  );
});

describe('components', () => {
  const components: PgProxyOptions['components'] = [
    { name: 'api', match: { user: 'trusty' }, guaranteed: 1, max: 2 },
    { name: 'batch', match: { user: 'other' }, max: 2, queueMax: 3, queueTimeoutMs: 200 },
  ];
  const as = (proxy: PgProxy, user: string) => startRawSession(proxy.port, { user, database: 'postgres' });

  survives(
    'a flooded one makes only itself wait',
    async (proxy) => {
      const flood = await Promise.all(Array.from({ length: 5 }, () => as(proxy, 'other')));
      for (const session of flood.slice(0, 2)) session.send(wire.encodeQuery('BEGIN'));
      await Promise.all(flood.slice(0, 2).map((session) => session.untilReady()));
      flood[2]?.send(wire.encodeQuery('SELECT 1'));
      await waitUntil(() => proxy.counts().clientsWaiting === 1, { what: 'the flood to wait' });
      await using api = await as(proxy, 'trusty');
      api.send(wire.encodeQuery('SELECT 2'));
      await waitUntil(() => proxy.counts().clientsWaiting === 2, { what: 'the critical client to wait' });
      flood[0]?.send(wire.encodeQuery('COMMIT'));
      expect(tagsOf(await api.untilReady())).toBe('TDCZ');
      expect(tagsOf((await flood[2]?.untilReady()) ?? [])).toBe('TDCZ');
      for (const session of flood) session.client.socket.destroy();
    },
    { components },
  );

  survives(
    'refuse one request and keep the session, naming component and option',
    async (proxy) => {
      const sessions = await Promise.all(Array.from({ length: 6 }, () => as(proxy, 'other')));
      const [a, b, ...rest] = sessions;
      for (const session of [a, b]) session?.send(wire.encodeQuery('BEGIN'));
      await Promise.all([a?.untilReady(), b?.untilReady()]);
      const answers = rest.map(async (session, n) => {
        const request =
          n % 2 === 0
            ? wire.encodeQuery('SELECT 1')
            : Buffer.concat([parse('', 'SELECT 1'), bind(''), execute, wire.encodeSync()]);
        session.send(request);
        return errorOf(await session.untilReady());
      });
      const messages = (await Promise.all(answers)).map(
        (fields) => `${fields.get('S')} ${fields.get('C')} ${fields.get('M')}`,
      );
      expect(
        messages.filter((text) => /^ERROR 53300 .*"batch".*200 ms \(queueTimeoutMs\)$/.test(text)),
      ).toHaveLength(3);
      expect(
        messages.filter((text) => /^ERROR 53300 3 clients of component "batch".*\(queueMax\)$/.test(text)),
      ).toHaveLength(1);
      for (const session of [a, b]) session?.send(wire.encodeQuery('COMMIT'));
      rest[0]?.send(wire.encodeQuery('SELECT 1'));
      expect(tagsOf((await rest[0]?.untilReady()) ?? [])).toBe('TDCZ');
      for (const session of sessions) session.client.socket.destroy();
    },
    { components },
  );

  survives(
    'have ports of their own, and pools for different databases share one limit',
    async (proxy) => {
      const port = proxy.componentPorts['own'] ?? 0;
      await using own = await startRawSession(port, { user: 'trusty', database: 'template1' });
      await using common = await startRawSession(proxy.port);
      await using shows = await startRawSession(proxy.port, { user: 'trusty', database: 'pgproxy' });
      for (let round = 0; round < 5; round++) {
        for (const session of [own, common]) {
          session.send(wire.encodeQuery('SELECT current_database()'));
          expect(tagsOf(await session.untilReady())).toBe('TDCZ');
        }
        expect(proxy.counts().servers).toBeLessThanOrEqual(1);
      }
      shows.send(wire.encodeQuery('SHOW CLIENTS'));
      const text = (await shows.untilReady()).map(({ payload }) => payload.toString('latin1')).join();
      expect(text).toMatch(/template1.*own/s);
    },
    { components: [{ name: 'own', listenPort: 0 }] },
    1,
  );

  survives(
    'a client that pipelines transactions lets others in between',
    async (proxy) => {
      await using greedy = await startRawSession(proxy.port);
      await using modest = await startRawSession(proxy.port);
      greedy.send(wire.encodeQuery('SELECT pg_sleep(0.1)'));
      await waitUntil(() => proxy.counts().sharesInUse === 1, { what: 'the first to run' });
      modest.send(wire.encodeQuery(`SELECT 'modest'`));
      await waitUntil(() => proxy.counts().clientsWaiting === 1, { what: 'the second to wait' });
      greedy.send(...Array.from({ length: 20 }, () => wire.encodeQuery('SELECT pg_sleep(0.05)')));
      await modest.untilReady();
      const answered = (await greedy.until(() => true, 'anything')).filter(({ tag }) => tag === 'Z').length;
      expect(answered).toBeLessThan(5);
      await greedy.untilReady(21 - answered);
    },
    {},
    1,
  );
});
