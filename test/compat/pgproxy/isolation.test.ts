import { connect } from 'node:net';
import { connectTcp, createRandom, waitUntil } from '@sampan/testkit';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startupPacket } from '../../src/pg-bytes.ts';
import { type ProxiedPostgres, startProxiedPostgres } from '../../src/proxied-postgres.ts';

let stack: ProxiedPostgres;

beforeAll(async () => {
  // One server connection for everybody, so that every mix-up of two clients shows.
  stack = await startProxiedPostgres({ connections: 1 });
  const client = await stack.postgres.connect();
  await client.query('CREATE TABLE kept (id int PRIMARY KEY, name text)');
  await client.end();
});

afterEach(() => stack.hangUp());

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

/** Everything that the pool still holds for a transaction. */
async function openTransactions(): Promise<unknown[]> {
  return (await stack.serverConnections()).filter(({ state }) => state !== 'idle');
}

async function expectAlive(): Promise<void> {
  const client = await stack.connect();
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await client.end();
}

/** The key that PostgreSQL's protocol gives a client for cancelling. */
function keyOf(client: pg.Client): { processId: number; secretKey: Buffer } {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number | Buffer };
  const key = Buffer.alloc(4);
  if (typeof secretKey === 'number') key.writeInt32BE(secretKey);
  return { processId: processID, secretKey: typeof secretKey === 'number' ? key : secretKey };
}

async function sendCancel(client: pg.Client): Promise<void> {
  const { processId, secretKey } = keyOf(client);
  const packet = Buffer.alloc(12 + secretKey.length);
  packet.writeInt32BE(packet.length, 0);
  packet.writeInt32BE(80_877_102, 4);
  packet.writeInt32BE(processId, 8);
  secretKey.copy(packet, 12);
  await using socket = await connectTcp(stack.proxied.port);
  socket.send(packet);
  await socket.closed();
}

function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: string }).code,
  );
}

describe('clients that share one server connection', () => {
  it('have statements of the same name and get their own', async () => {
    const [a, b] = [await stack.connect(), await stack.connect()];
    for (let round = 0; round < 20; round++) {
      const [ra, rb] = await Promise.all([
        a.query({ name: 's', text: 'SELECT $1::int AS number', values: [round] }),
        b.query({ name: 's', text: "SELECT 'text ' || $1::text AS words, 2 AS two", values: [round] }),
      ]);
      expect(ra.rows).toEqual([{ number: round }]);
      expect(rb.rows).toEqual([{ words: `text ${round}`, two: 2 }]);
    }
    // The statement outlives neither its text's meaning nor its owner.
    await a.end();
    const c = await stack.connect();
    expect((await c.query({ name: 's', text: 'SELECT 3 AS three', values: [] })).rows).toEqual([
      { three: 3 },
    ]);
    expect(
      (await b.query({ name: 's', text: "SELECT 'text ' || $1::text AS words, 2 AS two", values: ['x'] }))
        .rows,
    ).toEqual([{ words: 'text x', two: 2 }]);
    await Promise.all([b.end(), c.end()]);
  });

  it('keep their own time zone of the start-up options', async () => {
    const zones = ['Asia/Tokyo', 'UTC', 'America/New_York'];
    const clients = await Promise.all(zones.map((zone) => stack.connect({ options: `-c timezone=${zone}` })));
    for (let round = 0; round < 5; round++) {
      const seen = await Promise.all(clients.map((client) => client.query('SHOW timezone')));
      expect(seen.map(({ rows }) => (rows[0] as { TimeZone: string }).TimeZone)).toEqual(zones);
    }
    await Promise.all(clients.map((client) => client.end()));
  });

  it('do not see each other inside a transaction', async () => {
    const [a, b] = [await stack.connect(), await stack.connect()];
    await a.query('BEGIN');
    await a.query("INSERT INTO kept VALUES (1, 'a')");
    let isAnswered = false;
    const waiting = b.query('SELECT count(*)::int AS n FROM kept').then((result) => {
      isAnswered = true;
      return result.rows;
    });
    expect((await a.query('SELECT name FROM kept')).rows).toEqual([{ name: 'a' }]);
    expect(isAnswered).toBe(false);
    await a.query('ROLLBACK');
    expect(await waiting).toEqual([{ n: 0 }]);
    await Promise.all([a.end(), b.end()]);
  });
});

describe('cancel', () => {
  it('ends the statement of the client that asks', async () => {
    const client = await stack.connect();
    const began = performance.now();
    const slow = codeOf(client.query('SELECT pg_sleep(30)'));
    await waitUntil(async () => (await openTransactions()).length > 0, { what: 'the statement to run' });
    await sendCancel(client);
    expect(await slow).toBe('57014');
    expect(performance.now() - began).toBeLessThan(10_000);
    expect((await client.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }]);
    await client.end();
  });

  it('that comes after the end hits nobody else', async () => {
    const [early, late] = [await stack.connect(), await stack.connect()];
    await early.query('SELECT 1');
    const slow = codeOf(late.query('SELECT pg_sleep(0.5)'));
    await waitUntil(async () => (await openTransactions()).length > 0, { what: 'the statement to run' });
    await sendCancel(early);
    expect(await slow).toBe('no error');
    await Promise.all([early.end(), late.end()]);
  });

  it('with a key that nobody has is ignored', async () => {
    const client = await stack.connect();
    const slow = codeOf(client.query('SELECT pg_sleep(0.3)'));
    await using socket = await connectTcp(stack.proxied.port);
    socket.send(Buffer.from('00000010' + '04d2162e' + '00000001' + '00000001', 'hex'));
    await socket.closed();
    expect(await slow).toBe('no error');
    await client.end();
  });

  it('reaches a client that still waits for a server connection', async () => {
    const [holder, waiter] = [await stack.connect(), await stack.connect()];
    await holder.query('BEGIN');
    const waiting = codeOf(waiter.query('SELECT 1'));
    await sendCancel(waiter);
    await holder.query('COMMIT');
    expect(['57014', 'no error']).toContain(await waiting);
    await expectAlive();
    await Promise.all([holder.end(), waiter.end().catch(() => {})]);
  });
});

describe('a client that vanishes', () => {
  it.each([
    'in a transaction',
    'in a failed transaction',
    'in the middle of a statement',
    'in the middle of a message',
  ])(
    '%s leaves no lock and no dirty connection',
    async (when) => {
      const client = await stack.connect();
      const { stream } = (
        client as unknown as { connection: { stream: { destroy(): void; write(b: Buffer): void } } }
      ).connection;
      await client.query('BEGIN');
      await client.query("INSERT INTO kept VALUES (7, 'gone')");
      await client.query('LOCK TABLE kept IN ACCESS EXCLUSIVE MODE');
      if (when === 'in a failed transaction') await codeOf(client.query('SELECT 1/0'));
      if (when === 'in the middle of a statement') void codeOf(client.query('SELECT pg_sleep(20)'));
      if (when === 'in the middle of a message') stream.write(Buffer.from('51000000ff53454c', 'hex'));
      stream.destroy();

      const began = performance.now();
      const other = await stack.connect();
      expect((await other.query('SELECT count(*)::int AS n FROM kept')).rows).toEqual([{ n: 0 }]);
      // Nobody waits for an answer that nobody will read.
      expect(performance.now() - began).toBeLessThan(5000);
      await other.end();
      await waitUntil(async () => (await openTransactions()).length === 0, {
        what: 'the transaction to end',
      });
      expect((await stack.serverConnections()).length).toBeLessThanOrEqual(1);
    },
    30_000,
  );

  it('while it waits leaves the queue', async () => {
    const [holder, waiter] = [await stack.connect(), await stack.connect()];
    await holder.query('BEGIN');
    void codeOf(waiter.query("INSERT INTO kept VALUES (8, 'from the queue')"));
    await waitUntil(async () => (await stack.show('CLIENTS')).length >= 2, {
      what: 'both clients to be listed',
    });
    (waiter as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await waitUntil(
      async () => (await stack.show('CLIENTS')).filter((row) => row['database'] === 'app').length === 1,
      {
        what: 'the vanished client to leave the list',
      },
    );
    await holder.query('COMMIT');
    expect((await holder.query('SELECT count(*)::int AS n FROM kept')).rows).toEqual([{ n: 0 }]);
    await holder.end();
  });
});

describe('log-in', () => {
  it.each([{ password: 'wrong' }, { user: 'nobody_at_all' }, { user: 'md5user', password: 'wrong' }])(
    'is refused with the sentence of PostgreSQL: %o',
    async (more) => {
      const error = await stack.connect(more).then(
        () => undefined,
        (failure: unknown) => failure as pg.DatabaseError,
      );
      const user = 'user' in more ? more.user : stack.proxied.user;
      expect(error?.code).toBe('28P01');
      expect(error?.severity).toBe('FATAL');
      expect(error?.message).toBe(`password authentication failed for user "${user}"`);
      await expectAlive();
    },
  );

  it.each([
    { user: 'md5user', password: 'md5 secret' },
    { user: 'guest', password: '' },
    { ssl: { rejectUnauthorized: false } },
  ])('works with %o', async (more) => {
    const client = await stack.connect(more);
    expect((await client.query('SELECT current_database() AS name')).rows).toEqual([{ name: 'app' }]);
    await client.end();
  });

  it('to a database that is not there gives the error of PostgreSQL', async () => {
    const client = await stack
      .connect({ database: 'nowhere' })
      .catch((error: unknown) => error as pg.DatabaseError);
    const code = client instanceof Error ? client.code : await codeOf(client.query('SELECT 1'));
    expect(code).toBe('3D000');
    await expectAlive();
  });
});

const startupFor = (user: string): Buffer => startupPacket({ user, database: 'app' });

describe('garbage', () => {
  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a length of two gigabytes', Buffer.from('7fffffff00030000', 'hex')],
    ['a length below four', Buffer.from('0000000200030000', 'hex')],
    ['a negative length', Buffer.from('ffffffff00030000', 'hex')],
    ['an unknown version', Buffer.from('0000000800630000', 'hex')],
    ['a start-up without an end', Buffer.from('0000000d000300007573657200', 'hex')],
    ['a start-up without a user', Buffer.from('000000090003000000', 'hex')],
    ['random bytes', Buffer.from(createRandom(4711).bytes(4096))],
  ])('in place of the start-up closes the connection and nothing else: %s', async (_, bytes) => {
    await using client = await connectTcp(stack.proxied.port);
    client.send(bytes);
    await client.closed(10_000);
    await expectAlive();
  });

  it.each([
    ['a length of two gigabytes', Buffer.from('517fffffff53', 'hex')],
    ['a length of zero', Buffer.from('5100000000', 'hex')],
    ['an unknown message type', Buffer.from('0100000004', 'hex')],
  ])('after the log-in closes the connection and nothing else: %s', async (_, bytes) => {
    await using client = await connectTcp(stack.proxied.port);
    client.send(startupFor('guest'));
    await client.waitFor(
      (received) => received.subarray(-6).toString('hex') === '5a0000000549',
      'ReadyForQuery',
    );
    client.send(bytes);
    await client.waitFor(
      (received) => received.includes('SFATAL\0') || received.includes('SERROR\0'),
      'an error',
      10_000,
    );
    await client.closed(10_000);
    await expectAlive();
    expect(await openTransactions()).toEqual([]);
  });

  it('inside a well-framed message is an error and spoils nothing', async () => {
    await using client = await connectTcp(stack.proxied.port);
    client.send(startupFor('guest'));
    await client.waitFor(
      (received) => received.subarray(-6).toString('hex') === '5a0000000549',
      'ReadyForQuery',
    );
    // A Parse whose name has no end, then Sync.
    client.send(Buffer.from('5000000007616161' + '5300000004', 'hex'));
    await client.waitFor((received) => received.includes('C08P01\0'), 'a protocol violation', 10_000);
    await expectAlive();
    expect(await openTransactions()).toEqual([]);
  });

  it('cut off at every byte of the start-up harms nobody', async () => {
    const startup = startupFor('guest');
    for (let at = 0; at < startup.length; at++) {
      const socket = connect({ port: stack.proxied.port, host: '127.0.0.1' });
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.on('error', () => {});
      socket.write(startup.subarray(0, at), () => socket.destroy());
    }
    await expectAlive();
  });
});

describe('the admin console', () => {
  it('answers the commands that PgBouncer users know', async () => {
    const client = await stack.connect();
    await client.query('SELECT 1');
    expect((await stack.show('VERSION')).length).toBe(1);
    expect((await stack.show('POOLS')).length).toBeGreaterThan(0);
    expect((await stack.show('SERVERS')).length).toBe(1);
    expect((await stack.show('COMPONENTS')).length).toBeGreaterThan(0);
    const clients = await stack.show('CLIENTS');
    expect(clients.some((row) => row['database'] === 'app' && row['user'] === 'postgres')).toBe(true);
    await client.end();
  });

  it('is closed to users who are not its own', async () => {
    const client = await stack
      .connect({ user: 'guest', password: '', database: 'pgproxy' })
      .catch((error: unknown) => error);
    const refused =
      client instanceof Error
        ? client
        : await (client as pg.Client).query('SHOW POOLS').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
  });
});
