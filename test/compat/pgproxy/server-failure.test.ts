import { writeFile } from 'node:fs/promises';
import { createTemporaryFolder, waitUntil } from '@sampan/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, root, startPgProxyProcess } from '../../src/apps.ts';
import { type ProxiedPostgres, startProxiedPostgres } from '../../src/proxied-postgres.ts';
import { runProcess } from '../../src/running-process.ts';

let stack: ProxiedPostgres;

beforeAll(async () => {
  stack = await startProxiedPostgres({ connections: 3 });
});

afterEach(() => stack.hangUp());

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

async function terminateServers(): Promise<void> {
  const observer = await stack.postgres.connect();
  await observer.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'observer' AND pid <> pg_backend_pid()",
  );
  await observer.end();
  // Until the proxy has heard of it, a statement may still run into the goodbye of its server.
  await waitUntil(async () => (await stack.show('SERVERS')).length === 0, { what: 'the proxy to notice' });
}

describe('server connections that PostgreSQL ends', () => {
  it('while idle are replaced without a client noticing', async () => {
    const client = await stack.connect();
    await client.query({ name: 'named', text: 'SELECT $1::int AS n', values: [1] });
    for (let round = 0; round < 3; round++) {
      await terminateServers();
      const outcome = await codeOf(
        client.query({ name: 'named', text: 'SELECT $1::int AS n', values: [round] }),
      );
      expect(outcome).toBe('no error');
    }
    await client.end();
  });

  it('in a transaction give that client the error of PostgreSQL, and only that client', async () => {
    const [victim, other] = [await stack.connect(), await stack.connect()];
    await victim.query('BEGIN');
    const running = codeOf(victim.query('SELECT pg_sleep(20)'));
    await waitUntil(
      async () => (await stack.serverConnections()).some(({ query }) => query.includes('pg_sleep')),
      {
        what: 'the statement to run',
      },
    );
    await terminateServers();
    expect(await running).toBe('57P01');
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await Promise.all([victim.end().catch(() => {}), other.end()]);
  });
});

describe('starting the proxy', () => {
  async function start(options: unknown): Promise<{ code: number | null; stdout: string; stderr: string }> {
    await using folder = await createTemporaryFolder();
    const path = `${folder.path}/pgproxy.json`;
    await writeFile(path, typeof options === 'string' ? options : JSON.stringify(options));
    return await runProcess({
      command: [process.execPath, `${root}/bin/pgproxy.mjs`, '--config', path, '--json'],
      timeoutMs: 20_000,
    });
  }

  const good = () => ({
    listen: { host: '127.0.0.1', port: 0 },
    server: {
      host: stack.postgres.host,
      port: stack.postgres.port,
      connections: 2,
      user: 'postgres',
      password: 'x',
    },
    users: [{ name: 'postgres', password: 'x', auth: 'scram' }],
    components: [],
  });

  it('at a busy port names it and exits with 3', async () => {
    const run = await start({ ...good(), listen: { host: '127.0.0.1', port: stack.proxied.port } });
    expect(run.code, run.stderr).toBe(3);
    expect(run.stderr).toContain(String(stack.proxied.port));
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });

  it.each([
    ['no JSON', '{"listen":', ''],
    ['an unknown option', { typo: true }, 'typo'],
    [
      'more guaranteed than there are connections',
      { components: [{ name: 'a', match: { user: 'a' }, guaranteed: 3, max: 3 }] },
      '3',
    ],
    [
      'a ceiling below the guarantee',
      { components: [{ name: 'a', match: { user: 'a' }, guaranteed: 2, max: 1 }] },
      'max',
    ],
    ['an unknown method', { users: [{ name: 'a', password: 'x', auth: 'telepathy' }] }, 'telepathy'],
  ])('with %s exits with 2 and says what', async (_, change, text) => {
    const run = await start(typeof change === 'string' ? change : { ...good(), ...change });
    expect(run.code, run.stdout + run.stderr).toBe(2);
    expect(run.stderr).toContain(text);
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });

  it('is possible before PostgreSQL is there; clients are told what is missing', async () => {
    await using folder = await createTemporaryFolder();
    const [port = 0] = await freePorts(1);
    await using proxy = await startPgProxyProcess(folder.path, {
      ...good(),
      server: { ...good().server, port },
    });
    const client = new pg.Client({
      host: '127.0.0.1',
      port: proxy.port,
      user: 'postgres',
      password: 'x',
      database: 'app',
    });
    client.on('error', () => {});
    const began = performance.now();
    const error = await client.connect().then(
      () =>
        client.query('SELECT 1').then(
          () => undefined,
          (failure: unknown) => failure,
        ),
      (failure: unknown) => failure,
    );
    expect((error as pg.DatabaseError).code).toMatch(/^(08|57P)/);
    expect(performance.now() - began).toBeLessThan(15_000);
    await client.end().catch(() => {});
  });
});
