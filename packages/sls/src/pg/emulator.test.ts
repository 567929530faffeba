import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import type { Sls } from '../sls.ts';
import { startSls } from '../testing.ts';

const index = {
  line: { token: [',', ' '], caseSensitive: false, chn: true },
  keys: {
    id: { type: 'text', token: [','], doc_value: true },
    graph: { type: 'text', token: [','], doc_value: true },
    error: { type: 'text', token: [','], doc_value: true },
    finished_at: { type: 'text', token: [','], doc_value: true },
    log_version: { type: 'long', doc_value: true },
    elapsed_time: { type: 'double', doc_value: true },
  },
  scan_index: true,
};

async function startWithLogstore(): Promise<Sls> {
  const sls = await startSls();
  await sls.catalog.ensureProject({ projectName: 'dify' });
  await sls.catalog.ensureLogstore('dify', 'runs');
  await sls.catalog.ensureIndex('dify', 'runs', index);
  return sls;
}

async function connected(sls: Sls): Promise<Client> {
  const client = new Client({
    host: '127.0.0.1',
    port: sls.pgPort ?? 0,
    user: sls.accessKey.id,
    password: sls.accessKey.secret,
    database: 'dify',
    ssl: { rejectUnauthorized: false },
  });
  await client.connect();
  return client;
}

describe('the whole emulator over the PostgreSQL protocol', () => {
  it('shows an INSERT to every connection at once, whatever ROLLBACK says', async () => {
    await using sls = await startWithLogstore();
    const [writer, reader] = [await connected(sls), await connected(sls)];
    for (let version = 1; version <= 20; version += 1) {
      await writer.query('BEGIN');
      await writer.query(
        `INSERT INTO "runs" ("id","log_version","elapsed_time","error","finished_at") VALUES ('a','${version}','0.5',NULL,'')`,
      );
      const { rows } = await reader.query('SELECT MAX(log_version) AS newest, COUNT(*) AS n FROM runs');
      expect(rows).toEqual([{ newest: String(version), n: String(version) }]);
      await writer.query('ROLLBACK');
    }
    const { rows, fields } = await reader.query(
      'SELECT id, log_version, elapsed_time, error, finished_at, graph FROM "runs" ORDER BY log_version DESC LIMIT 1',
    );
    expect(rows).toEqual([
      { id: 'a', log_version: '20', elapsed_time: 0.5, error: null, finished_at: '', graph: null },
    ]);
    expect(fields.map((field) => field.dataTypeID)).toEqual([1043, 20, 701, 1043, 1043, 1043]);
    await Promise.all([writer.end(), reader.end()]);
  });

  it('has no implied LIMIT', async () => {
    await using sls = await startWithLogstore();
    const client = await connected(sls);
    const values = Array.from({ length: 250 }, (_, at) => `('${at}')`).join(',');
    await client.query(`INSERT INTO runs (id) VALUES ${values}`);
    expect((await client.query('SELECT id FROM runs')).rows).toHaveLength(250);
    await client.end();
  });

  it('keeps a value of 4 MB, full of quotes, and refuses a log beyond 10 MB without harm', async () => {
    await using sls = await startWithLogstore();
    const client = await connected(sls);
    const graph = `'"\\\n漢😀`.repeat(350_000);
    await client.query(`INSERT INTO runs (id, graph) VALUES ('big', '${graph.replaceAll("'", "''")}')`);
    await expect(
      client.query(`INSERT INTO runs (id, graph) VALUES ('huge', '${'x'.repeat(17_000_000)}')`),
    ).rejects.toMatchObject({ code: '54000' });
    await client.query("INSERT INTO runs (id) VALUES ('after')");
    const { rows } = await client.query('SELECT id, graph FROM runs ORDER BY id');
    expect(rows.map((row) => row.id)).toEqual(['after', 'big']);
    expect(rows[1].graph === graph).toBe(true);
    await client.end();
  });

  it('tells where a statement is wrong and goes on', async () => {
    await using sls = await startWithLogstore();
    const client = await connected(sls);
    for (const [sql, code] of [
      ['SELECT nope FROM runs', '42703'],
      ['SELECT nope(id) FROM runs', '42883'],
      ['SELECT id FROM runs LIMIT 1 2', '42601'],
      ['SELECT id, COUNT(*) FROM runs', '42803'],
      ['SELECT * FROM nope', '42P01'],
    ] as const) {
      await expect(client.query(sql)).rejects.toMatchObject({
        code,
        position: expect.stringMatching(/^\d+$/),
      });
    }
    expect((await client.query('SELECT COUNT(*) AS n FROM runs')).rows).toEqual([{ n: '0' }]);
    await client.end();
  });
});
