import { chmod, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findFreePorts } from '@sampan/base';
import { findBinaries, type Postgres } from '@sampan/postgres';
import { createTemporaryFolder } from '@sampan/testkit';
import pg from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { createLayout, ensureLayout, type Layout } from '../layout.ts';
import { resetStack } from '../reset.ts';
import { findClusterFolder } from './cluster-place.ts';
import { startStackPostgres } from './stack-postgres.ts';

// Real servers start and stop here; a busy machine takes ten times the second they need alone.
vi.setConfig({ testTimeout: 60_000 });

const host = '127.0.0.1';
const password = "it's a password";

async function start(layout: Layout): Promise<Postgres & { notices: string[] } & AsyncDisposable> {
  const notices: string[] = [];
  const [port = 0] = await findFreePorts(host, 1);
  const postgres = await startStackPostgres({
    layout,
    host,
    port,
    password,
    isPasswordNew: false,
    settings: {},
    onNotice: (message) => notices.push(message),
  });
  return { ...postgres, notices, [Symbol.asyncDispose]: () => postgres.stop() };
}

async function query(postgres: Postgres, sql: string): Promise<unknown[]> {
  const client = new pg.Client({
    host,
    port: postgres.port,
    user: 'postgres',
    password,
    database: 'postgres',
  });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

/** What a start says about the programs: whether they had to be copied depends on where this checkout lies. */
async function noticesOfPrograms(): Promise<unknown[]> {
  const { isCopy, folder } = await findBinaries();
  return isCopy ? [expect.stringContaining(`PostgreSQL runs from ${folder}: account `)] : [];
}

test('the database lies in the directory of the stack when its account can reach that', async () => {
  await using folder = await createTemporaryFolder();
  await chmod(folder.path, 0o755);
  const layout = createLayout(join(folder.path, '.sampan'));
  await ensureLayout(layout);
  await using postgres = await start(layout);
  expect(postgres.notices).toEqual(await noticesOfPrograms());
  expect(await query(postgres, 'SHOW data_directory')).toEqual([layout.postgres]);
});

describe.runIf(process.getuid?.() === 0)('run as root below a folder that only root may enter', () => {
  test('keeps the cluster outside, says so, finds it again, and reset removes it', async () => {
    await using folder = await createTemporaryFolder();
    await chmod(folder.path, 0o700);
    const layout = createLayout(join(folder.path, '.sampan'));
    await ensureLayout(layout);
    const first = await start(layout);
    const cluster = await findClusterFolder(layout);
    try {
      expect(cluster).toMatch(/^\/var\/(lib|tmp)\/sampan-0-[0-9a-f]{12}\/postgres$/);
      expect(first.notices).toEqual([
        ...(await noticesOfPrograms()),
        expect.stringContaining(`the database lies in ${cluster}`),
      ]);
      await query(first, 'CREATE TABLE kept AS SELECT 7 AS answer');
      await first.stop();
      await using again = await start(layout);
      expect(await query(again, 'SELECT answer FROM kept')).toEqual([7]);
    } finally {
      await first.stop();
      expect(await resetStack(layout.directory)).toContain(dirname(cluster));
      await rm(dirname(cluster), { recursive: true, force: true });
    }
    expect(await findClusterFolder(layout)).toBe(layout.postgres);
  });
});
