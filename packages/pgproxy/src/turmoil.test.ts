import { createRandom, waitUntil } from '@sampan/testkit';
import { expect, vi } from 'vitest';
import { type PgProxyOptions, startPgProxy } from './index.ts';
import { type Connected, connected, proxiedSuite } from './proxied/testing.ts';

const { withPostgres, options } = proxiedSuite();
const adminUsers = ['trusty'];
const seconds = Number(process.env['PGPROXY_TURMOIL_SECONDS'] ?? 3);
const accounts = 8;
vi.setConfig({ testTimeout: (seconds + 30) * 1000 });

interface World {
  readonly port: number;
  isOver: boolean;
  transfers: number;
}

/** Moves money, in every protocol and with a pin now and then, until the world ends; a lost connection is replaced. */
async function transfer(world: World, seed: number): Promise<void> {
  const random = createRandom(seed);
  const mark = `client-${seed}`;
  while (!world.isOver) {
    try {
      await using client = await connected(world, { application_name: mark });
      while (!world.isOver) await step(world, client, { random, mark });
    } catch {
      // Killed, cancelled, or the server died: that is what the others are here for.
    }
  }
}

async function step(
  world: World,
  client: Connected,
  { random, mark }: { random: ReturnType<typeof createRandom>; mark: string },
): Promise<void> {
  if (random.integer(20) === 0) await client.query('LISTEN jobs');
  if (random.integer(20) === 0) await client.query(`SET statement_timeout = '1${random.integer(10)}s'`);
  if (random.integer(20) === 0) await client.query('DISCARD ALL');
  const [from, to] = [random.integer(accounts), random.integer(accounts)];
  const amount = random.integer(100);
  const add = { name: 'add', text: 'UPDATE account SET money = money + $1 WHERE id = $2' };
  try {
    await client.query('BEGIN');
    await client.query(`SELECT id FROM account WHERE id IN (${from}, ${to}) ORDER BY id FOR UPDATE`);
    await client.query({ ...add, values: [-amount, from] });
    await client.query('UPDATE account SET money = money + $1 WHERE id = $2', [amount, to]);
    const { rows } = await client.query('SELECT $1::text AS mark, count(*)::int AS n FROM account', [mark]);
    if (rows[0]?.mark !== mark || rows[0]?.n !== accounts) throw new Error('an answer of somebody else');
    await client.query(random.integer(5) === 0 ? 'ROLLBACK' : 'COMMIT');
    world.transfers++;
  } catch (error) {
    if (error instanceof Error && error.message.includes('somebody else')) {
      world.isOver = true;
      world.transfers = Number.NaN;
    }
    await client.query('ROLLBACK');
  }
}

async function disturb(world: World, database: { port: number }): Promise<void> {
  const random = createRandom(99);
  await using console = await connected(world, { database: 'pgbouncer' });
  await using direct = await connected(database, { user: 'postgres', application_name: 'disturber' });
  const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND application_name <> 'disturber' ORDER BY random() LIMIT 1`;
  const cancel = kill.replace('pg_terminate_backend', 'pg_cancel_backend');
  while (!world.isOver) {
    await direct.query('SELECT pg_sleep(0.02)');
    const choice = random.integer(6);
    if (choice === 0) await direct.query(kill);
    if (choice === 1) await direct.query(cancel);
    if (choice === 2) await console.query('RECONNECT');
    if (choice === 3) await console.query('RELOAD');
    if (choice === 4) {
      // Clients that are pinned keep their server until they discard, so the pause may have to be given up.
      const pause = console.query('PAUSE');
      await using second = await connected(world, { database: 'pgbouncer' });
      await direct.query('SELECT pg_sleep(0.02)');
      await second.query('RESUME').catch(() => {});
      await pause;
    }
    if (choice === 5) {
      const { rows } = await console.query('SHOW CLIENTS');
      const id = rows[random.integer(Math.max(1, rows.length))]?.id;
      if (id !== undefined) await console.query(`KILL_CLIENT ${id}`).catch(() => {});
    }
  }
}

withPostgres(
  `no money is lost and no answer crosses in ${seconds} s of faults, pauses and reloads`,
  async (database) => {
    await using direct = await connected(
      { port: database.port },
      { user: 'postgres', application_name: 'disturber' },
    );
    await direct.query('CREATE TABLE account (id int PRIMARY KEY, money int NOT NULL)');
    await direct.query(`INSERT INTO account SELECT n, 1000 FROM generate_series(0, ${accounts - 1}) n`);
    const numbers: PgProxyOptions = options(
      { adminUsers, components: [{ name: 'all', match: { user: 'trusty' }, weight: 2 }] },
      5,
    );
    let turn = 0;
    const readOptions = async (): Promise<PgProxyOptions> => ({
      ...numbers,
      server: { ...numbers.server, connections: 3 + (turn++ % 4), resetTimeoutMs: 500 },
    });
    await using proxy = await startPgProxy(numbers, { readOptions });
    const world: World = { port: proxy.port, isOver: false, transfers: 0 };
    const clients = Array.from({ length: 16 }, (_, n) => transfer(world, n + 1));
    const disturbing = disturb(world, database);
    await direct.query(`SELECT pg_sleep(${seconds})`);
    world.isOver = true;
    await disturbing;
    await Promise.all(clients);
    expect(world.transfers).toBeGreaterThan(50);
    await waitUntil(() => proxy.counts().sharesInUse === 0, { what: 'all shares to be free' });
    await waitUntil(() => proxy.counts().servers === proxy.counts().serversIdle, {
      what: 'closed servers to be gone',
    });
    expect(proxy.counts()).toMatchObject({ clients: 0, clientsWaiting: 0 });
    expect(proxy.counts().servers).toBeLessThanOrEqual(6);
    expect((await direct.query('SELECT sum(money)::int AS sum FROM account')).rows).toEqual([
      { sum: accounts * 1000 },
    ]);
    const open = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'`;
    expect((await direct.query(open)).rows).toEqual([{ n: 0 }]);
  },
);
