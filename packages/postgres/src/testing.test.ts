import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startTestPostgres, type TestPostgres } from './testing.ts';

// Real servers start and stop here; a busy machine takes ten times the second they need alone.
vi.setConfig({ testTimeout: 60_000 });

afterEach(() => {
  vi.unstubAllEnvs();
});

async function query(
  { host, port, user, password }: TestPostgres,
  sql: string,
  more: pg.ClientConfig = {},
): Promise<unknown[]> {
  const client = new pg.Client({ host, port, user, password, database: 'postgres', ...more });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

describe('startTestPostgres', () => {
  test('gives a superuser who logs in by SCRAM, databases and settings, and leaves nothing behind', async () => {
    const server = await startTestPostgres({
      databases: ['app', 'Other "one"'],
      settings: { work_mem: '5MB' },
    });
    let folder = '';
    try {
      expect(await query(server, 'SHOW work_mem', { database: 'Other "one"' })).toEqual(['5MB']);
      expect(await query(server, 'SHOW fsync', { database: 'app' })).toEqual(['off']);
      expect(
        await query(
          server,
          "SELECT rolsuper, left(rolpassword, 14) FROM pg_authid WHERE rolname = 'postgres'",
        ),
      ).toEqual([true, 'SCRAM-SHA-256$']);
      await expect(query(server, 'SELECT 1', { password: 'wrong' })).rejects.toMatchObject({ code: '28P01' });
      folder = dirname(String((await query(server, 'SHOW data_directory'))[0]));
      expect(existsSync(folder)).toBe(true);
    } finally {
      await server.stop();
    }
    await server.stop();
    expect(existsSync(folder)).toBe(false);
    await expect(query(server, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('takes words for initdb, and is durable when asked to be', async () => {
    await using server = await startTestPostgres({ initdbFlags: ['--auth-host=trust'], isDurable: true });
    expect(await query(server, 'SHOW fsync', { password: 'any' })).toEqual(['on']);
  });

  test('fails with what the server said when it does not start', async () => {
    await expect(startTestPostgres({ settings: { max_connections: 'many' } })).rejects.toMatchObject({
      code: 'POSTGRES_FAILED',
      message: expect.stringContaining('invalid value for parameter "max_connections": "many"'),
    });
  });

  test('fails with what initdb said when that does not work', async () => {
    await expect(startTestPostgres({ initdbFlags: ['--no-such-flag'] })).rejects.toMatchObject({
      code: 'POSTGRES_INIT_FAILED',
      message: expect.stringContaining("unrecognized option '--no-such-flag'"),
    });
  });

  test('gives up at its deadline', async () => {
    await expect(startTestPostgres({ timeoutMs: 1 })).rejects.toMatchObject({
      code: 'POSTGRES_INIT_FAILED',
      message: expect.stringContaining('not finished within 1 ms'),
    });
  });

  test.runIf(process.getuid?.() === 0)(
    'puts the data elsewhere when its account cannot enter the temporary folder',
    async () => {
      await using folder = await createTemporaryFolder();
      await chmod(folder.path, 0o700);
      vi.stubEnv('TMPDIR', folder.path);
      await using server = await startTestPostgres();
      expect(await query(server, 'SHOW data_directory')).toEqual([
        expect.stringMatching(/^\/var\/tmp\/sampan-postgres-test-/),
      ]);
    },
  );
});
