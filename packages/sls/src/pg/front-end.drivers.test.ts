import { createCertificate } from '@sampan/base';
import { Client, DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import type { PgAuthentication } from './authentication.ts';
import { startFakeBackendPg, testKey, testProject } from './testing.ts';

async function connected(port: number, options: { password?: string; tls?: boolean } = {}): Promise<Client> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: testKey.id,
    password: options.password ?? testKey.secret,
    database: testProject,
    ssl: options.tls === true ? { rejectUnauthorized: false } : false,
  });
  await client.connect();
  return client;
}

describe('node-postgres', () => {
  it.each<[PgAuthentication, boolean]>([
    ['md5', true],
    ['md5', false],
    ['scram-sha-256', true],
    ['scram-sha-256', false],
  ])('logs in with %s, TLS %s', async (authentication, isSecure) => {
    const tls = await createCertificate(['127.0.0.1']);
    await using pg = await startFakeBackendPg({ authentication, tls });
    const client = await connected(pg.port, { tls: isSecure });
    const { rows } = await client.query('select current_database() as project, 7 as n');
    expect(rows).toEqual([{ project: 'dify', n: 7 }]);
    await client.end();
    await expect(connected(pg.port, { tls: isSecure, password: 'wrong' })).rejects.toMatchObject({
      code: '28P01',
    });
  });

  it('writes what its own quoting makes of hostile text', async () => {
    await using pg = await startFakeBackendPg();
    const client = await connected(pg.port);
    const value = `it's "q" \\ back\\n\nnl 漢字 😀 $1 -- /* ; E'x' $$`;
    const sql = `INSERT INTO workflow_execution (id) VALUES (${client.escapeLiteral(value)})`;
    const result = await client.query(sql);
    expect([result.command, result.rowCount]).toEqual(['INSERT', 1]);
    expect(pg.written[0]?.group.logs[0]?.contents).toEqual([['id', value]]);
    await client.end();
  });

  it('gets typed values and typed errors, and goes on after an error', async () => {
    await using pg = await startFakeBackendPg({
      answer: async () => ({
        columns: [
          { name: 'x', type: 'double' },
          { name: 'b', type: 'boolean' },
          { name: 'n', type: 'bigint' },
        ],
        rows: [
          ['1.5', 'true', '9007199254740993'],
          [null, 'false', null],
        ],
      }),
    });
    const client = await connected(pg.port);
    const { rows } = await client.query('SELECT x, b, n FROM workflow_execution');
    expect(rows).toEqual([
      { x: 1.5, b: true, n: '9007199254740993' },
      { x: null, b: false, n: null },
    ]);
    await expect(client.query('SELECT * FROM nothing')).rejects.toBeInstanceOf(DatabaseError);
    await expect(client.query('SELECT $1::text', ['x'])).rejects.toMatchObject({ code: '0A000' });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });
});
