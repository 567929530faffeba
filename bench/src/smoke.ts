import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AppProcess, startApp } from './app-process.ts';
import { type BenchPostgres, startPostgres } from './postgres.ts';
import { type LoadResult, loadPutLogs } from './put-logs-load.ts';
import { type Measurement, medianOf, publish } from './results.ts';
import { createLogstore, type SlsTarget } from './sls-target.ts';
import { hasPgbench, loadTransactions, type PostgresTarget } from './transactions-load.ts';

const rounds = 4;
const clients = 64;
const durationMs = 3000;
const region = 'cn-hangzhou';
const content = 'x'.repeat(1000);

async function startSls(folder: string): Promise<{ app: AppProcess; target: SlsTarget }> {
  const app = await startApp('sls', ['--port', '0', '--pg-port', '0', '--data', join(folder, 'sls')]);
  const url = new URL(String(app.ready['http']));
  const target: SlsTarget = {
    host: url.hostname,
    port: Number(url.port),
    project: 'bench',
    logstore: 'smoke',
    region,
    key: { id: String(app.ready['accessKeyId']), secret: String(app.ready['accessKeySecret']) },
  };
  await createLogstore(target);
  return { app, target };
}

async function startProxy(
  folder: string,
  postgres: BenchPostgres,
): Promise<{ app: AppProcess; target: PostgresTarget }> {
  const { host, port, user, password, database } = postgres;
  const file = join(folder, 'pgproxy.json');
  const options = {
    listen: { host: '127.0.0.1', port: 0 },
    server: { host, port, connections: 20, user, password },
    users: [{ name: user, password, auth: 'scram' }],
    components: [{ name: 'bench', match: {}, guaranteed: 20, max: 20, queueMax: 1000 }],
  };
  await writeFile(file, JSON.stringify(options));
  const app = await startApp('pgproxy', ['--config', file]);
  return { app, target: { host: '127.0.0.1', port: Number(app.ready['port']), user, password, database } };
}

/** What one round of each load gives, in the order in which they are interleaved. */
interface Rounds {
  readonly putLogs: LoadResult[];
  readonly inserts: number[];
  readonly proxied: number[];
  readonly direct: number[];
}

async function measure(
  sls: SlsTarget,
  proxied: PostgresTarget,
  direct: PostgresTarget,
  folder: string,
): Promise<Rounds> {
  const usePgbench = await hasPgbench();
  const script = join(folder, 'insert.sql');
  await writeFile(script, `INSERT INTO log (content) VALUES ('${content}');\n`);
  const select = {
    name: 'select',
    text: 'SELECT abalance FROM pgbench_accounts WHERE aid = $1',
    values: () => [1 + Math.floor(Math.random() * 100_000)],
  };
  const insert = { name: 'insert', text: 'INSERT INTO log (content) VALUES ($1)', values: () => [content] };
  const found: Rounds = { putLogs: [], inserts: [], proxied: [], direct: [] };
  // One unmeasured round fills caches and lets the engines compile.
  for (let round = -1; round < rounds; round++) {
    const putLogs = await loadPutLogs(sls, { connections: clients, durationMs });
    const inserts = await loadTransactions(direct, {
      clients,
      durationMs,
      script,
      statement: insert,
      usePgbench,
    });
    const throughProxy = await loadTransactions(proxied, {
      clients,
      durationMs,
      statement: select,
      usePgbench,
    });
    const straight = await loadTransactions(direct, { clients, durationMs, statement: select, usePgbench });
    if (round < 0) continue;
    found.putLogs.push(putLogs);
    found.inserts.push(inserts);
    found.proxied.push(throughProxy);
    found.direct.push(straight);
  }
  return found;
}

function measurementsOf({ putLogs, inserts, proxied, direct }: Rounds): Measurement[] {
  return [
    {
      measure: 'PutLogs, one log of 1 KB, durable, 64 connections, V4',
      unit: 'requests/s',
      rounds: putLogs.map(({ perSecond }) => perSecond),
      peer: { measure: 'PostgreSQL INSERT of 1 KB, durable, 64 connections', rounds: inserts },
      notes: {
        p50Ms: medianOf(putLogs.map(({ p50Ms }) => p50Ms)),
        p99Ms: medianOf(putLogs.map(({ p99Ms }) => p99Ms)),
      },
    },
    {
      measure: 'pgbench -S -M prepared, 64 clients through the proxy, 20 server connections',
      unit: 'transactions/s',
      rounds: proxied,
      peer: { measure: 'the same directly, 64 server connections', rounds: direct },
    },
  ];
}

/** PutLogs and proxy rates beside PostgreSQL on the same machine in the same minute. */
export const smoke = {
  name: 'smoke',
  summary: 'PutLogs requests/s and proxy transactions/s beside PostgreSQL, about one and a half minutes',
  async run(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'sampan-bench-'));
    try {
      await using postgres = await startPostgres();
      const sls = await startSls(folder);
      await using _sls = sls.app;
      const proxy = await startProxy(folder, postgres);
      await using _proxy = proxy.app;
      const { host, port, user, password, database } = postgres;
      const direct = { host, port, user, password, database };
      await publish('smoke', measurementsOf(await measure(sls.target, proxy.target, direct, folder)));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
