import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ProxiedPostgres, startProxiedPostgres } from '../../src/proxied-postgres.ts';

let stack: ProxiedPostgres;

beforeAll(async () => {
  stack = await startProxiedPostgres({
    connections: 4,
    components: [
      { name: 'api', match: { applicationName: 'api' }, guaranteed: 2, max: 4, queueMax: 100 },
      { name: 'worker', match: { applicationName: 'worker' }, guaranteed: 1, max: 2, queueMax: 5 },
      { name: 'rest', match: {}, guaranteed: 0, max: 4, queueMax: 100 },
    ],
  });
});

afterEach(() => stack.hangUp());

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

describe('components', () => {
  it('a flood of one waits in its own queue while the other is served', async () => {
    const flood = await Promise.all(
      Array.from({ length: 7 }, () => stack.connect({ application_name: 'worker' })),
    );
    const api = await stack.connect({ application_name: 'api' });
    await api.query('SELECT 1');
    const slow = flood.map((client) => client.query('SELECT pg_sleep(1)'));
    const began = performance.now();
    for (let round = 0; round < 10; round++) await api.query('SELECT 1');
    // Two of the seven run for a second, the others queue; the critical one never stands behind them.
    expect(performance.now() - began).toBeLessThan(900);
    const busy = (await stack.serverConnections()).filter(
      ({ query, state }) => state === 'active' && query.includes('pg_sleep'),
    );
    expect(busy.length).toBeLessThanOrEqual(2);
    await Promise.all(slow);
    await Promise.all([...flood, api].map((client) => client.end()));
  });

  it('refuses a client that finds the queue full, and says so', async () => {
    const clients = await Promise.all(
      Array.from({ length: 9 }, () => stack.connect({ application_name: 'worker' })),
    );
    const outcomes = await Promise.all(
      clients.map((client) =>
        client.query('SELECT pg_sleep(0.3)').then(
          () => 'served',
          (error: unknown) => (error as { code?: string }).code,
        ),
      ),
    );
    // Two run, five wait, the rest is refused with "too many connections" (53300).
    expect(outcomes.filter((outcome) => outcome === 'served')).toHaveLength(7);
    expect(outcomes.filter((outcome) => outcome === '53300')).toHaveLength(2);
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  });

  it('lends what nobody uses and gets it back within a transaction', async () => {
    const lenders = await Promise.all(
      Array.from({ length: 4 }, () => stack.connect({ application_name: 'rest' })),
    );
    const borrowed = lenders.map((client) => client.query('SELECT pg_sleep(0.2)'));
    const api = await stack.connect({ application_name: 'api' });
    const began = performance.now();
    await api.query('SELECT 1');
    expect(performance.now() - began).toBeLessThan(1000);
    await Promise.all(borrowed);
    await Promise.all([...lenders, api].map((client) => client.end()));
  });
});
