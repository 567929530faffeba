import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder, waitUntil } from '@sampan/testkit';
import { describe, expect, test, vi } from 'vitest';
import { ensureDatabases } from '../databases.ts';
import { createLayout, ensureLayout, type Layout } from '../layout.ts';
import { findFreePorts } from '../ports.ts';
import { isAlive } from '../process-identity.ts';
import { resetStack } from '../reset.ts';
import { findClusterFolder } from './cluster.ts';
import { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts';
import { readPostmasterPid } from './stale-postgres.ts';

// Real servers start and stop here; a busy machine takes ten times the second they need alone.
vi.setConfig({ testTimeout: 60_000 });

const host = '127.0.0.1';
const password = "it's a password";

async function layoutIn(folder: string): Promise<Layout> {
  // A folder of the system's temporary one is private to its maker; the account of PostgreSQL must get in.
  await chmod(folder, 0o755);
  const layout = createLayout(join(folder, '.sampan'));
  await ensureLayout(layout);
  return layout;
}

async function start(
  layout: Layout,
  change: Partial<PostgresOptions> = {},
): Promise<Postgres & { notices: string[] } & AsyncDisposable> {
  const notices: string[] = [];
  const [port = 0] = await findFreePorts(host, 1);
  const postgres = await startPostgres({
    layout,
    host,
    port,
    password,
    isPasswordNew: false,
    settings: { max_connections: '23' },
    onNotice: (message) => notices.push(message),
    ...change,
  });
  return { ...postgres, notices, [Symbol.asyncDispose]: () => postgres.stop() };
}

async function query(
  postgres: Postgres,
  sql: string,
  secret = password,
  database = 'postgres',
): Promise<unknown[]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ host, port: postgres.port, user: 'postgres', password: secret, database });
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
    const layout = await layoutIn(folder.path);
    {
      await using postgres = await start(layout);
      expect(await query(postgres, 'SHOW max_connections')).toEqual(['23']);
      expect(await query(postgres, 'SHOW server_version')).toEqual([expect.stringMatching(/^18\./)]);
      const server = { host, port: postgres.port, user: 'postgres', password };
      const want = { databases: ['dify', 'dify_plugin'], owner: 'postgres' };
      expect(await ensureDatabases(server, want)).toEqual(['dify', 'dify_plugin']);
      expect(await ensureDatabases(server, want)).toEqual([]);
      await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer', password, 'dify');
    }
    await using again = await start(layout);
    expect(await query(again, 'SELECT answer FROM kept', password, 'dify')).toEqual([42]);
  });

  test('refuses a wrong password', async () => {
    await using folder = await createTemporaryFolder();
    await using postgres = await start(await layoutIn(folder.path));
    await expect(query(postgres, 'SELECT 1', 'wrong')).rejects.toMatchObject({ code: '28P01' });
  });

  test('gives databases to another owner, who may also take over those of the last one', async () => {
    await using folder = await createTemporaryFolder();
    await using postgres = await start(await layoutIn(folder.path));
    const server = { host, port: postgres.port, user: 'postgres', password };
    await ensureDatabases(server, { databases: ['dify'], owner: 'first' });
    await ensureDatabases(server, { databases: ['dify', 'more'], owner: 'second' });
    expect(
      await query(
        postgres,
        "SELECT datname || ' ' || rolname FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname IN ('dify', 'more') ORDER BY 1",
      ),
    ).toEqual(['dify first', 'more second']);
  });

  test('takes a new password when the old one was lost', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    await (await start(layout)).stop();
    await using postgres = await start(layout, { password: 'another', isPasswordNew: true });
    expect(await query(postgres, 'SELECT 1', 'another')).toEqual([1]);
  });

  test('reports a server that ends while starting, with the end of its log', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    await expect(start(layout, { settings: { max_connections: 'many' } })).rejects.toMatchObject({
      code: 'DEVSTACK_POSTGRES_FAILED',
      message: expect.stringContaining('invalid value for parameter "max_connections": "many"'),
    });
  });

  test('reports a server that ends by itself later', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    await using postgres = await start(layout);
    const pid = await readPostmasterPid(layout.postgres);
    process.kill(pid ?? 0, 'SIGQUIT');
    expect(await postgres.failed).toMatchObject({ code: 'DEVSTACK_POSTGRES_FAILED' });
  });

  test('refuses a cluster of another major version', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    await mkdir(layout.postgres);
    await writeFile(join(layout.postgres, 'PG_VERSION'), '15\n');
    await expect(start(layout)).rejects.toMatchObject({
      code: 'DEVSTACK_POSTGRES_VERSION',
      message: expect.stringContaining('PostgreSQL 15'),
    });
  });

  test('starts over when the first initdb was interrupted', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    await mkdir(`${layout.postgres}.new`);
    await writeFile(join(`${layout.postgres}.new`, 'PG_VERSION'), '18\n');
    await writeFile(`${layout.postgres}.password`, 'old');
    await using postgres = await start(layout);
    expect(await query(postgres, 'SELECT 1')).toEqual([1]);
  });
});

/** A process that runs PostgreSQL on `layout` until it is killed. */
async function startElsewhere(layout: Layout): Promise<{ pid: number; postmaster: number; guard: number }> {
  const [port] = await findFreePorts(host, 1);
  const url = new URL('./postgres.ts', import.meta.url).href;
  const options = { layout, host, port, password, isPasswordNew: false, settings: {} };
  const script = `
    const { startPostgres } = await import(${JSON.stringify(url)});
    await startPostgres({ ...${JSON.stringify(options)}, onNotice() {} });
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const postmaster = (await readPostmasterPid(layout.postgres)) ?? 0;
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
    const layout = await layoutIn(folder.path);
    const { pid, postmaster } = await startElsewhere(layout);
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => !isAlive(postmaster), { what: `PostgreSQL ${postmaster} to end` });
  });

  test('one that was left over nevertheless is ended by the next start, which says so', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    const { pid, postmaster, guard } = await startElsewhere(layout);
    // The shell that guards the server, first: then nobody ends the server any more.
    process.kill(guard, 'SIGSTOP');
    process.kill(-guard, 0);
    for (const child of await childrenOf(guard)) if (child !== postmaster) process.kill(child, 'SIGKILL');
    process.kill(guard, 'SIGKILL');
    process.kill(pid, 'SIGKILL');
    await waitUntil(() => !isAlive(pid) && !isAlive(guard), { what: 'stack and guard to end' });
    expect(isAlive(postmaster)).toBe(true);
    await using again = await start(layout);
    expect(again.notices).toEqual([`ended PostgreSQL process ${postmaster}, left over from an earlier run`]);
    expect(isAlive(postmaster)).toBe(false);
    expect(await query(again, 'SELECT 1')).toEqual([1]);
  });

  test('a process that merely has the old number is left alone', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    await (await start(layout)).stop();
    await writeFile(join(layout.postgres, 'postmaster.pid'), `${process.pid}\n${layout.postgres}\n`);
    await using again = await start(layout);
    expect(again.notices).toEqual([]);
  });
});

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}

describe.runIf(process.getuid?.() === 0)('run as root below a folder that only root may enter', () => {
  test('keeps the cluster outside, says so, finds it again, and reset removes it', async () => {
    await using folder = await createTemporaryFolder();
    const layout = await layoutIn(folder.path);
    await chmod(folder.path, 0o700);
    const first = await start(layout);
    const cluster = await findClusterFolder(layout);
    try {
      expect(cluster).toMatch(/^\/var\/(lib|tmp)\/sampan-0-[0-9a-f]{12}\/postgres$/);
      expect(first.notices).toEqual([expect.stringContaining(`the database lies in ${cluster}`)]);
      await query(first, 'CREATE TABLE kept AS SELECT 7 AS answer');
      await first.stop();
      await using again = await start(layout);
      expect(await query(again, 'SELECT answer FROM kept')).toEqual([7]);
    } finally {
      await first.stop();
      expect(await resetStack(layout.directory)).toContain(join(cluster, '..'));
      await rm(join(cluster, '..'), { recursive: true, force: true });
    }
    expect(await findClusterFolder(layout)).toBe(layout.postgres);
  });
});
