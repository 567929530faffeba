import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '@sampan/testkit';
import { type AppProcess, startApp } from './app-process.ts';
import { kilobyteLog, lz4Body, tenFieldLog } from './log-corpus.ts';
import { cpuSecondsOf, folderBytes, memoryOf } from './process-usage.ts';
import { loadPutLogs, type PutLogsBody } from './put-logs-load.ts';
import { type Measurement, publish } from './results.ts';
import { countLogs, createLogstore, type SlsTarget } from './sls-target.ts';
import { measureVictoriaLogs } from './victorialogs.ts';

const logsPerBatch = 500;
const connections = 64;
/** Enough for compression and dictionaries to have work, few enough to sign anew each second. */
const bodiesPerLoad = 32;

interface Options {
  readonly rounds: number;
  readonly durationMs: number;
  /** How many logs are held when memory, disk and restart are measured. */
  readonly logs: number;
}

async function startServer(folder: string): Promise<{ app: AppProcess; target: SlsTarget }> {
  const app = await startApp('sls', ['--port', '0', '--no-pg', '--data', folder]);
  const url = new URL(String(app.ready['http']));
  const key = { id: String(app.ready['accessKeyId']), secret: String(app.ready['accessKeySecret']) };
  const target = { host: url.hostname, port: Number(url.port), region: 'cn-hangzhou', key };
  return { app, target: { ...target, project: 'bench', logstore: 'ingest' } };
}

interface Round {
  readonly acknowledged: number;
  readonly acknowledgedPerCpu: number;
  /** The same over the CPU of the main thread alone: without the index. */
  readonly acknowledgedPerMainCpu: number;
  readonly searchable: number;
  readonly searchablePerCpu: number;
  readonly p99Ms: number;
}

/** One round of load, then the wait until everything of it can be found. Rates are in logs. */
async function runRound(
  server: { app: AppProcess; target: SlsTarget },
  bodies: readonly PutLogsBody[],
  load: { readonly durationMs: number; readonly logsPerBody: number },
): Promise<Round> {
  const { app, target } = server;
  const found = await countLogs(target);
  const before = await cpuSecondsOf(app.pid);
  const began = performance.now();
  const { count, p99Ms } = await loadPutLogs(target, { connections, durationMs: load.durationMs, bodies });
  const logs = count * load.logsPerBody;
  const written = performance.now();
  const afterWrites = await cpuSecondsOf(app.pid);
  const missing = logs - ((await countLogs(target)) - found);
  if (missing !== 0) throw new Error(`${missing} of ${logs} acknowledged logs are not found`);
  const searched = performance.now();
  const afterIndex = await cpuSecondsOf(app.pid);
  return {
    acknowledged: (logs / (written - began)) * 1000,
    acknowledgedPerCpu: logs / (afterWrites.all - before.all),
    acknowledgedPerMainCpu: logs / (afterWrites.main - before.main),
    searchable: (logs / (searched - began)) * 1000,
    searchablePerCpu: logs / (afterIndex.all - before.all),
    p99Ms,
  };
}

async function measureRounds(
  folder: string,
  load: { bodies: PutLogsBody[]; logsPerBody: number },
  options: Options,
): Promise<Round[]> {
  const server = await startServer(folder);
  await using _app = server.app;
  await createLogstore(server.target);
  const rounds: Round[] = [];
  // One unmeasured round lets the engines compile.
  for (let round = -1; round < options.rounds; round++) {
    const result = await runRound(server, load.bodies, { ...load, durationMs: options.durationMs });
    if (round >= 0) rounds.push(result);
  }
  return rounds;
}

function measurementsOf(name: string, unit: string, rounds: readonly Round[]): Measurement[] {
  const figure = (measure: string, of: (round: Round) => number, per: string): Measurement => ({
    measure: `${name}, ${measure}`,
    unit: per,
    rounds: rounds.map(of),
  });
  return [
    figure('acknowledged', (round) => round.acknowledged, `${unit}/s`),
    figure(
      'acknowledged, per CPU second of the server',
      (round) => round.acknowledgedPerCpu,
      `${unit}/CPU s`,
    ),
    figure(
      'acknowledged, per CPU second of its main thread',
      (round) => round.acknowledgedPerMainCpu,
      `${unit}/CPU s`,
    ),
    figure('searchable', (round) => round.searchable, `${unit}/s`),
    figure('searchable, per CPU second of the server', (round) => round.searchablePerCpu, `${unit}/CPU s`),
    figure('p99 of an answer', (round) => round.p99Ms, 'ms'),
  ];
}

/** Holds a number of logs and looks at what that costs: memory, disk, the time to start again. */
async function measureHolding(
  folder: string,
  bodies: readonly PutLogsBody[],
  logs: number,
): Promise<Measurement[]> {
  let rawBytes = 0;
  let held = 0;
  let memory = { rssMb: 0, peakMb: 0 };
  {
    const server = await startServer(folder);
    await using _app = server.app;
    await createLogstore(server.target);
    const rawPerLog =
      bodies.reduce((sum, body) => sum + (body.lz4RawBytes ?? 0), 0) / bodies.length / logsPerBatch;
    while (held < logs) {
      await loadPutLogs(server.target, { connections: 8, durationMs: 1000, bodies });
      held = await countLogs(server.target);
    }
    rawBytes = held * rawPerLog;
    memory = await memoryOf(server.app.pid);
  }
  const log = await folderBytes(join(folder, 'log'));
  const index = await folderBytes(join(folder, 'index'));
  const began = performance.now();
  const again = await startServer(folder);
  const readyMs = performance.now() - began;
  await using _app = again.app;
  const found = await countLogs(again.target);
  if (found !== held) throw new Error(`${found} of ${held} logs are found after a restart`);
  const countMs = performance.now() - began;
  const notes = { logs: held, rawMb: Math.round(rawBytes / 2 ** 20) };
  return [
    {
      measure: 'memory after loading',
      unit: 'MB RSS',
      rounds: [memory.rssMb],
      notes: { ...notes, peakMb: Math.round(memory.peakMb) },
    },
    { measure: 'disk, segments', unit: 'x raw', rounds: [log / rawBytes], notes },
    { measure: 'disk, index', unit: 'x raw', rounds: [index / rawBytes], notes },
    { measure: 'start to ready', unit: 'ms', rounds: [readyMs], notes },
    { measure: 'start to the first answer', unit: 'ms', rounds: [countMs], notes },
  ];
}

/** Log ingest with durable acknowledgement: the server in a process of its own, the load from this one. */
export const slsIngest = {
  name: 'sls-ingest',
  summary: 'PutLogs to the SLS emulator, acknowledged and searchable; --rounds, --seconds, --logs',
  async run(words: readonly string[]): Promise<void> {
    const { values } = parseArgs({
      args: [...words],
      options: {
        rounds: { type: 'string', default: '3' },
        seconds: { type: 'string', default: '5' },
        logs: { type: 'string', default: '500000' },
      },
    });
    const options: Options = {
      rounds: Number(values.rounds),
      durationMs: Number(values.seconds) * 1000,
      logs: Number(values.logs),
    };
    const random = createRandom(1);
    const singles = Array.from({ length: bodiesPerLoad }, () => lz4Body([kilobyteLog(random)]));
    const batches = Array.from({ length: bodiesPerLoad }, () =>
      Array.from({ length: logsPerBatch }, () => tenFieldLog(random)),
    );
    const bodies = batches.map(lz4Body);
    const folder = await mkdtemp(join(tmpdir(), 'sampan-bench-'));
    try {
      const single = await measureRounds(
        join(folder, 'single'),
        { bodies: singles, logsPerBody: 1 },
        options,
      );
      const batch = await measureRounds(
        join(folder, 'batch'),
        { bodies, logsPerBody: logsPerBatch },
        options,
      );
      const peer = await measureVictoriaLogs(join(folder, 'peer'), batches, options);
      const holding =
        options.logs > 0 ? await measureHolding(join(folder, 'holding'), bodies, options.logs) : [];
      await publish('sls-ingest', [
        ...measurementsOf('one log of 1 KB per request', 'requests', single),
        ...measurementsOf(`${logsPerBatch} logs of 10 fields per request`, 'logs', batch),
        ...peer,
        ...holding,
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
