import { startTestPostgres, type TestPostgres } from '@sampan/postgres/testing';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { ensureDatabases } from './databases.ts';

// A real server starts in each; a busy machine takes ten times the second it needs alone.
vi.setConfig({ testTimeout: 60_000 });

async function owners({ host, port, user, password }: TestPostgres): Promise<unknown[]> {
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    const { rows } = await client.query({
      text: `SELECT datname || ' ' || rolname FROM pg_database d JOIN pg_roles r ON r.oid = datdba
             WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1`,
      rowMode: 'array',
    });
    return rows.flat();
  } finally {
    await client.end();
  }
}

test('creates the databases that are absent, and leaves those that exist', async () => {
  await using server = await startTestPostgres({ password: "it's a password" });
  const want = { databases: ['dify', 'dify_plugin'], owner: 'postgres' };
  expect(await ensureDatabases(server, want)).toEqual(['dify', 'dify_plugin']);
  expect(await ensureDatabases(server, want)).toEqual([]);
  expect(await owners(server)).toEqual(['dify postgres', 'dify_plugin postgres']);
});

test('gives databases to another owner, who may also take over those of the last one', async () => {
  await using server = await startTestPostgres();
  await ensureDatabases(server, { databases: ['dify'], owner: 'first' });
  await ensureDatabases(server, { databases: ['dify', 'more'], owner: 'second' });
  expect(await owners(server)).toEqual(['dify first', 'more second']);
});

test('says how to go on when the password does not fit', async () => {
  await using server = await startTestPostgres();
  const want = { databases: ['dify'], owner: 'postgres' };
  await expect(ensureDatabases({ ...server, password: 'wrong' }, want)).rejects.toMatchObject({
    code: 'DEVSTACK_DATABASE_FAILED',
    hint: expect.stringContaining('secrets.json'),
  });
});
