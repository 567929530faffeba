import { createRandom } from '@sampan/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexOf, startTestEngine, type TestEngine, type TestLogstore } from '../index-engine/testing.ts';

/** Dify's queries in all generations, on rows shaped as Dify writes them; expectations are computed here. */

const slow = 60_000;
const names = (text: string): Record<string, 'text'> =>
  Object.fromEntries(text.split(' ').map((name) => [name, 'text' as const]));
const runsIndex = indexOf({
  ...names(
    'id tenant_id app_id workflow_id type triggered_from version graph inputs status outputs error created_by_role created_by created_at finished_at error_message started_at',
  ),
  total_tokens: 'long',
  total_steps: 'long',
  exceptions_count: 'long',
  log_version: 'long',
  elapsed_time: 'double',
});
const nodesIndex = indexOf({
  ...names(
    'id tenant_id app_id workflow_id triggered_from workflow_run_id predecessor_node_id node_execution_id node_id node_type title inputs process_data outputs status error execution_metadata created_at created_by_role created_by finished_at',
  ),
  index: 'long',
  log_version: 'long',
  elapsed_time: 'double',
});

type Row = Record<string, string> & {
  readonly id: string;
  readonly status: string;
  readonly log_version: string;
  readonly __time__: string;
};

const day = 86_400;
const start = 1_760_000_000 - (1_760_000_000 % day);
const tenant = '3f1a4c1e-7777-4b6a-9b64-0123456789ab';
const app = '9d0f8a52-1111-4c1d-8f2a-abcdefabcdef';
const version = (number: number): string => String(1_760_000_000_000_000_000n + BigInt(number));

function makeRuns(): Row[] {
  const random = createRandom(1);
  const statuses = ['succeeded', 'failed', 'stopped', 'partial-succeeded'];
  let clock = 0;
  return Array.from({ length: 60 }, (_none, number) => {
    const time = start + Math.floor(number / 12) * day + random.integer(80_000);
    const common = {
      id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
      tenant_id: tenant,
      app_id: app,
      triggered_from: number % 3 === 0 ? 'debugging' : 'app-run',
      created_by: `user-${random.integer(5)}`,
      graph: JSON.stringify({ nodes: [{ title: `"it's" 日志 ${number}` }] }),
    };
    clock += 1;
    const running = {
      ...common,
      status: 'running',
      total_tokens: '0',
      finished_at: '',
      log_version: version(clock),
      __time__: `${time}`,
    };
    if (number % 10 === 9) return [running];
    clock += 1;
    const status = statuses[random.integer(4)] ?? '';
    const total_tokens = String(random.integer(5000));
    const finished_at = new Date((time + 1) * 1000).toISOString();
    return [
      running,
      { ...running, status, total_tokens, finished_at, log_version: version(clock), __time__: `${time + 1}` },
    ];
  }).flat();
}

function makeNodes(): Row[] {
  return Array.from({ length: 40 }, (_none, number) => {
    const common = {
      id: `node-exec-${number}`,
      node_execution_id: `execution-${number}`,
      workflow_run_id: 'run-1',
      workflow_id: 'wf-1',
      tenant_id: tenant,
      app_id: app,
      node_id: `node-${number % 7}`,
      index: `${(number * 7) % 40}`,
      created_at: `2025-10-09T08:00:${String(Math.floor(number / 3)).padStart(2, '0')}`,
      triggered_from: number % 9 === 0 ? 'workflow-tool' : 'workflow-run',
    };
    return [
      { ...common, status: 'running', log_version: version(number * 2), __time__: `${start + number}` },
      {
        ...common,
        status: number % 8 === 0 ? 'paused' : 'succeeded',
        log_version: version(number * 2 + 1),
        __time__: `${start + number}`,
      },
    ];
  }).flat();
}

function latest(rows: readonly Row[]): Row[] {
  const best = new Map<string, Row>();
  for (const row of rows) {
    const seen = best.get(row.id);
    if (seen === undefined || BigInt(row.log_version) > BigInt(seen.log_version)) best.set(row.id, row);
  }
  return [...best.values()];
}

const latestSql = (table: string, where: string, key = 'id', alias = 't'): string =>
  `SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ${key} ORDER BY log_version DESC) AS rn FROM ${table} WHERE ${where}) ${alias} WHERE rn = 1`;
const scope = `tenant_id = '${tenant}' AND app_id = '${app}'`;
const isFinished = (row: Row): boolean => row['finished_at'] !== '';
const count = (rows: readonly Row[], name: string): string =>
  String(new Set(rows.map((row) => row[name])).size);
const dateOf = (row: Row): string => new Date(Number(row.__time__) * 1000).toISOString().slice(0, 10);

function byDay(rows: readonly Row[]): [string, Row[]][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(dateOf(row), [...(groups.get(dateOf(row)) ?? []), row]);
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

let engine: TestEngine;
const runs = makeRuns();
const nodes = makeNodes();
let runStore: TestLogstore;
let nodeStore: TestLogstore;

beforeAll(async () => {
  engine = await startTestEngine();
  runStore = await engine.logstore(runsIndex);
  nodeStore = await engine.logstore(nodesIndex);
  for (const [number, row] of runs.entries()) await runStore.appendLogs([row], number % 2);
  for (const [number, row] of nodes.entries()) await nodeStore.appendLogs([row], number % 2);
}, slow);
afterAll(() => engine[Symbol.asyncDispose]());

/** The statement over both transports; they must agree. */
async function both(
  store: TestLogstore,
  sql: string,
  search = '*',
): Promise<Record<string, string | null>[]> {
  const http = await store.search(`${search} | ${sql}`);
  const pg = await store.engine.sql({ logstore: store.view(), sql });
  if (http.kind !== 'table') throw new Error('expected a table');
  expect(http.rows).toEqual(pg.rows);
  return pg.rows.map((row) =>
    Object.fromEntries(pg.columns.map((column, at) => [column.name, row[at] ?? null])),
  );
}

describe('workflow runs', () => {
  const triggers = "(triggered_from = 'debugging' OR triggered_from = 'app-run')";

  it.each(['', 'succeeded', 'running'])('Q1: the list, newest first, status %j', async (status) => {
    const filter = status === '' ? '' : ` AND status = '${status}'`;
    const sql = `${latestSql('workflow_execution', `${scope} AND ${triggers}${filter}`)} ORDER BY created_at DESC LIMIT 21`;
    const rows = await both(runStore, sql);
    const expected = latest(runs.filter((row) => status === '' || row.status === status))
      .sort((a, b) => Number(b.__time__) - Number(a.__time__))
      .slice(0, 21);
    expect(rows.map((row) => row['id'])).toEqual(expected.map((row) => row.id));
    expect(rows[0]).toMatchObject({
      ...expected[0],
      rn: '1',
      created_at: null,
      error: null,
      elapsed_time: null,
    });
  });

  it('Q2 and Q4: one run by its id', async () => {
    const [wanted] = latest(runs).slice(7);
    const where = `id = '${wanted?.id}' AND ${scope} AND __time__ > 0`;
    for (const filter of [where, `id = '${wanted?.id}'`]) {
      const rows = await both(
        runStore,
        `${latestSql('"workflow_execution"', filter, 'id', 'AS subquery')} LIMIT 100`,
      );
      expect(rows).toMatchObject([{ ...wanted, rn: '1' }]);
    }
    expect(await both(runStore, `${latestSql('"workflow_execution"', "id = 'nobody'")} LIMIT 100`)).toEqual(
      [],
    );
  });

  it('Q3: the versions of a run by search', async () => {
    const id = latest(runs)[3]?.id ?? '';
    const found = await runStore.logs(`id:"${id}" and tenant_id:"${tenant}" and app_id:"${app}"`, {
      reverse: false,
    });
    expect(found).toMatchObject(runs.filter((row) => row.id === id));
  });

  it('Q5, Q6, Q7: counts', async () => {
    const where = `${scope} AND triggered_from = 'app-run'`;
    const have = runs.filter((row) => row['triggered_from'] === 'app-run');
    const done = have.filter(isFinished);
    const inner = `SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY log_version DESC) AS rn FROM workflow_execution WHERE ${where} AND status = 'running'`;
    expect(await both(runStore, `SELECT COUNT(*) as count FROM (${inner}) t WHERE rn = 1`)).toEqual([
      {
        count: count(
          have.filter((row) => row.status === 'running'),
          'id',
        ),
      },
    ]);
    const one = `SELECT COUNT(DISTINCT id) as count FROM workflow_execution WHERE ${where} AND status = 'failed' AND finished_at IS NOT NULL`;
    expect(await both(runStore, one)).toEqual([
      {
        count: count(
          done.filter((row) => row.status === 'failed'),
          'id',
        ),
      },
    ]);
    const grouped = `SELECT status, COUNT(DISTINCT id) as count FROM workflow_execution WHERE ${where} AND finished_at IS NOT NULL GROUP BY status`;
    const statuses = [...new Set(done.map((row) => row.status))].sort();
    expect(await both(runStore, grouped)).toEqual(
      statuses.map((status) => ({
        status,
        count: count(
          done.filter((row) => row.status === status),
          'id',
        ),
      })),
    );
  });

  it.each<[string, (rows: readonly Row[]) => string]>([
    ['COUNT(DISTINCT id)', (rows) => count(rows, 'id')],
    ['COUNT(DISTINCT created_by)', (rows) => count(rows, 'created_by')],
    ['SUM(total_tokens)', (rows) => String(rows.reduce((sum, row) => sum + Number(row['total_tokens']), 0))],
  ])('Q8: %s by day, with bounds of the time', async (measure, compute) => {
    const since = start + day;
    const bounds = ` AND __time__ >= to_unixtime(from_iso8601_timestamp('${new Date(since * 1000).toISOString().replace('Z', '+00:00')}'))`;
    for (const [bound, from] of [
      ['', 0],
      [bounds, since],
    ] as const) {
      const sql = `SELECT DATE(from_unixtime(__time__)) as date, ${measure} as n FROM workflow_execution WHERE ${scope} AND finished_at IS NOT NULL${bound} GROUP BY date ORDER BY date`;
      const have = runs.filter((row) => isFinished(row) && Number(row.__time__) >= from);
      expect(await both(runStore, sql)).toEqual(
        byDay(have).map(([date, rows]) => ({ date, n: compute(rows) })),
      );
    }
  });

  it('Q9: average interactions by day', async () => {
    const sql =
      'SELECT AVG(sub.interactions) AS interactions, sub.date FROM (SELECT DATE(from_unixtime(__time__)) AS date, created_by, ' +
      `COUNT(DISTINCT id) AS interactions FROM workflow_execution WHERE ${scope} AND finished_at IS NOT NULL GROUP BY date, created_by) sub GROUP BY sub.date`;
    const rows = await both(runStore, sql);
    const expected = byDay(runs.filter(isFinished)).map(([date, have]) => {
      const users = new Set(have.map((row) => row['created_by']));
      return [date, new Set(have.map((row) => row.id)).size / users.size] as const;
    });
    expect(new Map(rows.map((row) => [row['date'], Number(row['interactions'])]))).toEqual(new Map(expected));
  });
});

describe('node executions', () => {
  const tool = "(triggered_from IS NULL OR triggered_from <> 'workflow-tool')";
  const where = `tenant_id = '${tenant}' AND app_id = '${app}' AND workflow_run_id = 'run-1'`;

  it('Q10: the nodes of a run, by the bare word index', async () => {
    for (const [order, sign] of [
      ['ASC', 1],
      ['DESC, created_at DESC', -1],
    ] as const) {
      const sql = `${latestSql('workflow_execution', where, 'node_execution_id')} ORDER BY index ${order}`;
      const rows = await both(nodeStore, sql);
      const expected = latest(nodes).sort((a, b) => sign * (Number(a['index']) - Number(b['index'])));
      expect(rows.map((row) => row['node_execution_id'])).toEqual(
        expected.map((row) => row['node_execution_id']),
      );
      expect(rows).toMatchObject(expected);
    }
  });

  it('Q11: the last execution of a node, by search and by SQL', async () => {
    const filters = `tenant_id: ${tenant} and app_id: ${app} and workflow_id: wf-1 and node_id: node-3`;
    const found = await nodeStore.logs(filters);
    expect(found).toHaveLength(nodes.filter((row) => row['node_id'] === 'node-3').length);
    const inner = `${scope} AND workflow_id = 'wf-1' AND node_id = 'node-3' AND __time__ > 0`;
    const sql = `${latestSql('"workflow_execution"', inner, 'id', 'AS subquery')} AND ${tool} AND (status IS NULL OR status <> 'paused') ORDER BY created_at DESC LIMIT 1`;
    const shown = latest(nodes).filter(
      (row) =>
        row['node_id'] === 'node-3' && row['triggered_from'] !== 'workflow-tool' && row.status !== 'paused',
    );
    const [newest] = shown.sort((a, b) => (String(a['created_at']) < String(b['created_at']) ? 1 : -1));
    expect(await both(nodeStore, sql, filters)).toMatchObject([{ ...newest }]);
  });

  it("Q12': pages with LIMIT and OFFSET, as a star and as a snapshot", async () => {
    const snapshot =
      'id, node_execution_id, workflow_run_id, "index", node_id, title, status, created_at, finished_at, triggered_from';
    const expected = latest(nodes)
      .filter((row) => row['triggered_from'] !== 'workflow-tool')
      .sort((a, b) => {
        const key = (row: Row): [string, number, string] => [
          String(row['created_at']),
          Number(row['index']),
          row.id,
        ];
        const [x, y] = [key(a), key(b)];
        return x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] - y[1];
      });
    for (const columns of ['*', snapshot]) {
      const pages: (string | null | undefined)[] = [];
      for (let offset = 0; offset < expected.length; offset += 11) {
        const sql =
          `SELECT ${columns} FROM (SELECT ${columns}, ROW_NUMBER() OVER (PARTITION BY id ORDER BY log_version DESC) AS rn FROM "workflow_execution" ` +
          `WHERE ${where} AND __time__ > 0) AS subquery WHERE rn = 1 AND ${tool} ORDER BY created_at, "index", id LIMIT 11 OFFSET ${offset}`;
        pages.push(...(await both(nodeStore, sql, 'workflow_run_id: run-1')).map((row) => row['id']));
      }
      expect(pages).toEqual(expected.map((row) => row.id));
    }
  });

  it("Q13': a node by its id", async () => {
    const sql = `SELECT * FROM "workflow_execution" WHERE id = 'node-exec-5' AND tenant_id = '${tenant}' AND __time__ > 0 ORDER BY log_version DESC LIMIT 1`;
    expect(await both(nodeStore, sql)).toMatchObject(latest(nodes).filter((row) => row.id === 'node-exec-5'));
  });
});

it('an empty logstore has every indexed column', async () => {
  const empty = await engine.logstore(runsIndex);
  expect(await both(empty, 'SELECT * FROM workflow_execution')).toEqual([]);
  expect(
    await both(empty, 'SELECT COUNT(created_at) AS n, SUM(total_tokens) AS t FROM workflow_execution'),
  ).toEqual([{ n: '0', t: null }]);
  expect(await empty.logs('id: x and total_tokens > 5')).toEqual([]);
});
