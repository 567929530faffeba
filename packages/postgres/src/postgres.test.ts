import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findFreePorts, isAlive } from '@sampan/base';
import { createTemporaryFolder, type TemporaryFolder, waitUntil } from '@sampan/testkit';
import pg from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { findBinaries } from './binaries.ts';
import { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts';
import { readPostmasterPid } from './stale-postgres.ts';

// Real servers start and stop here; a busy machine takes ten times the second they need alone.
vi.setConfig({ testTimeout: 60_000 });

const host = '127.0.0.1';
const password = "it's a password";

/** Where the cluster of a test lies. */
async function clusterIn(folder: TemporaryFolder): Promise<string> {
  // A folder of the system's temporary one is private to its maker; the account of PostgreSQL must get in.
  await chmod(folder.path, 0o755);
  return join(folder.path, 'cluster');
}

async function start(
  cluster: string,
  change: Partial<PostgresOptions> = {},
): Promise<Postgres & { notices: string[] } & AsyncDisposable> {
  const notices: string[] = [];
  const [port = 0] = await findFreePorts(host, 1);
  const postgres = await startPostgres({
    binaries: await findBinaries(),
    folder: cluster,
    logFile: join(dirname(cluster), 'postgres.log'),
    host,
    port,
    password,
    settings: { max_connections: '23' },
    onNotice: (message) => notices.push(message),
    ...change,
  });
  return { ...postgres, notices, [Symbol.asyncDispose]: () => postgres.stop() };
}

async function query(postgres: Postgres, sql: string, secret = password): Promise<unknown[]> {
  const login = { user: 'postgres', password: secret, database: 'postgres' };
  const client = new pg.Client({ host, port: postgres.port, ...login });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

describe('startPostgres', () => {
  test('runs PostgreSQL 18 with the wanted settings, and keeps data over a stop', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    {
      await using postgres = await start(cluster);
      expect(await query(postgres, 'SHOW max_connections')).toEqual(['23']);
      expect(await query(postgres, 'SHOW server_version')).toEqual([expect.stringMatching(/^18\./)]);
      await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer');
    }
    await using again = await start(cluster);
    expect(await query(again, 'SELECT answer FROM kept')).toEqual([42]);
  });

  test('refuses a wrong password', async () => {
    await using folder = await createTemporaryFolder();
    await using postgres = await start(await clusterIn(folder));
    await expect(query(postgres, 'SELECT 1', 'wrong')).rejects.toMatchObject({ code: '28P01' });
  });

  test('takes a new password when the old one was lost', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    await (await start(cluster)).stop();
    await using postgres = await start(cluster, { password: 'another', isPasswordNew: true });
    expect(await query(postgres, 'SELECT 1', 'another')).toEqual([1]);
  });

  test('reports a server that ends while starting, with the end of its log', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    await expect(start(cluster, { settings: { max_connections: 'many' } })).rejects.toMatchObject({
      code: 'POSTGRES_FAILED',
      message: expect.stringContaining('invalid value for parameter "max_connections": "many"'),
    });
  });

  test('reports a server that ends by itself later', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    await using postgres = await start(cluster);
    const pid = await readPostmasterPid(cluster);
    process.kill(pid ?? 0, 'SIGQUIT');
    expect(await postgres.failed).toMatchObject({ code: 'POSTGRES_FAILED' });
  });

  test('refuses a cluster of another major version', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    await mkdir(cluster);
    await writeFile(join(cluster, 'PG_VERSION'), '15\n');
    await expect(start(cluster)).rejects.toMatchObject({
      code: 'POSTGRES_VERSION',
      message: expect.stringContaining('PostgreSQL 15'),
    });
  });

  test('starts over when the first initdb was interrupted', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    await mkdir(`${cluster}.new`);
    await writeFile(join(`${cluster}.new`, 'PG_VERSION'), '18\n');
    await writeFile(`${cluster}.password`, 'old');
    await using postgres = await start(cluster);
    expect(await query(postgres, 'SELECT 1')).toEqual([1]);
  });
});

/** A process that runs PostgreSQL on `cluster` until it is killed. */
async function startElsewhere(cluster: string): Promise<{ pid: number; postmaster: number; guard: number }> {
  const [port] = await findFreePorts(host, 1);
  const url = new URL('./postgres.ts', import.meta.url).href;
  const logFile = join(dirname(cluster), 'elsewhere.log');
  const options = { binaries: await findBinaries(), folder: cluster, logFile, host, port, password };
  const script = `
    const { startPostgres } = await import(${JSON.stringify(url)});
    await startPostgres(${JSON.stringify(options)});
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready`)));
  });
  const postmaster = (await readPostmasterPid(cluster)) ?? 0;
  const stat = await readFile(`/proc/${postmaster}/stat`, 'utf8');
  return {
    pid: child.pid ?? 0,
    postmaster,
    guard: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]),
  };
}

describe.runIf(process.platform === 'linux')('after kill -9 of the process that runs it', () => {
  test('PostgreSQL ends by itself', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    const { pid, postmaster } = await startElsewhere(cluster);
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => !isAlive(postmaster), { what: `PostgreSQL ${postmaster} to end` });
  });

  test('one that was left over nevertheless is ended by the next start, which says so', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    const { pid, postmaster, guard } = await startElsewhere(cluster);
    // The shell that guards the server, first: then nobody ends the server any more.
    process.kill(guard, 'SIGSTOP');
    process.kill(-guard, 0);
    for (const child of await childrenOf(guard)) if (child !== postmaster) process.kill(child, 'SIGKILL');
    process.kill(guard, 'SIGKILL');
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => !isAlive(pid) && !isAlive(guard), { what: 'stack and guard to end' });
    expect(isAlive(postmaster)).toBe(true);
    await using again = await start(cluster);
    expect(again.notices).toEqual([`ended PostgreSQL process ${postmaster}, left over from an earlier run`]);
    expect(isAlive(postmaster)).toBe(false);
    expect(await query(again, 'SELECT 1')).toEqual([1]);
  });

  test('a process that merely has the old number is left alone', async () => {
    await using folder = await createTemporaryFolder();
    const cluster = await clusterIn(folder);
    await (await start(cluster)).stop();
    await writeFile(join(cluster, 'postmaster.pid'), `${process.pid}\n${cluster}\n`);
    await using again = await start(cluster);
    expect(again.notices).toEqual([]);
  });
});

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}
