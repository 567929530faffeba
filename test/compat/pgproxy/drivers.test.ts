import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../src/apps.ts';
import {
  type PostgresAddress,
  type ProxiedPostgres,
  startProxiedPostgres,
} from '../../src/proxied-postgres.ts';
import { preparePython } from '../../src/python-environment.ts';
import { jsonLinesOf, runProcess } from '../../src/running-process.ts';
import { runWithPg, runWithPostgresJs } from './scenarios-pg.ts';

const python = await preparePython([
  'psycopg2-binary==2.9.13',
  'psycopg[binary]==3.3.9',
  'SQLAlchemy==2.0.54',
]);

let stack: ProxiedPostgres;

beforeAll(async () => {
  stack = await startProxiedPostgres({ connections: 4 });
});

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

async function runWithPython(address: PostgresAddress, sslmode: string): Promise<unknown[]> {
  if (python.missing !== undefined) throw new Error(python.missing);
  const run = await runProcess({
    command: [python.python, `${root}/test/compat/pgproxy/scenarios.py`],
    environment: {
      ...process.env,
      PGHOST: address.host,
      PGPORT: String(address.port),
      PGUSER: address.user,
      PGPASSWORD: address.password,
      PGDATABASE: address.database,
      PGSSLMODE: sslmode,
    },
    timeoutMs: 120_000,
  });
  expect(run.code, run.stderr).toBe(0);
  return jsonLinesOf(run.stdout);
}

describe('a driver sees the same with and without the proxy', () => {
  it('node-postgres: simple, extended, named statements, transactions, notices', async () => {
    const direct = await runWithPg(stack.direct);
    expect(await runWithPg(stack.proxied)).toEqual(direct);
  });

  it('postgres.js: a pipeline of two hundred statements with errors, COPY, cursor, cancel', async () => {
    const direct = await runWithPostgresJs(stack.direct);
    expect(await runWithPostgresJs(stack.proxied)).toEqual(direct);
  });

  it('psycopg2, psycopg 3 and SQLAlchemy, with and without TLS', async (test) => {
    if (python.missing !== undefined) return test.skip(`no Python environment: ${python.missing}`);
    const direct = await runWithPython(stack.direct, 'disable');
    expect(direct.length).toBeGreaterThan(30);
    expect(await runWithPython(stack.proxied, 'disable')).toEqual(direct);
    expect(await runWithPython(stack.proxied, 'require')).toEqual(direct);
  });

  it('leaves no server connection in a transaction', async () => {
    const states = (await stack.serverConnections()).map(({ state }) => state);
    expect(states.filter((state) => state !== 'idle')).toEqual([]);
    expect(states.length).toBeLessThanOrEqual(4);
  });
});
