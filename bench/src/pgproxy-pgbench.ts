import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PgbenchTarget {
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
}

export interface PgbenchLoad {
  readonly clients: number;
  readonly seconds: number;
  readonly protocol: 'simple' | 'extended' | 'prepared';
  /** Path of a script; absent: pgbench's select-only one. */
  readonly script?: string;
  /** Prefix of the files in which each transaction's time is kept. */
  readonly logPrefix?: string;
}

export interface PgbenchResult {
  readonly perSecond: number;
  readonly transactions: number;
}

const tries = 3;

/** One run of pgbench; the rate leaves out the time it took to connect, which may be all of it: then the run is longer. */
export async function runPgbench(target: PgbenchTarget, load: PgbenchLoad): Promise<PgbenchResult> {
  for (let n = 1; n < tries; n++) {
    const result = await runOnce(target, { ...load, seconds: load.seconds * n });
    if (result.transactions > 0) return result;
  }
  const result = await runOnce(target, { ...load, seconds: load.seconds * tries });
  if (result.transactions > 0) return result;
  throw new Error(`pgbench did not connect ${load.clients} clients within ${load.seconds * tries} s`);
}

async function runOnce(target: PgbenchTarget, load: PgbenchLoad): Promise<PgbenchResult> {
  const { stdout } = await run(
    'pgbench',
    [
      ...['-h', '127.0.0.1', '-p', String(target.port), '-U', target.user, '-n'],
      ...['-M', load.protocol, '-c', String(load.clients), '-j', String(Math.min(2, load.clients))],
      ...['-T', String(load.seconds)],
      ...(load.script === undefined ? ['-S'] : ['-f', load.script]),
      ...(load.logPrefix === undefined ? [] : ['-l', `--log-prefix=${load.logPrefix}`]),
      target.database,
    ],
    { env: { ...process.env, PGPASSWORD: target.password ?? '', PGSSLMODE: 'disable' }, maxBuffer: 2 ** 24 },
  );
  const rate = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
  const count = /^number of transactions actually processed: (\d+)/m.exec(stdout)?.[1];
  if (rate === undefined || count === undefined || !/^number of failed transactions: 0 /m.test(stdout)) {
    throw new Error(`pgbench did not finish cleanly:\n${stdout}`);
  }
  return { perSecond: Number(rate), transactions: Number(count) };
}

/** Reads and removes the files of a run with `logPrefix`; the time of every transaction, microseconds, sorted. */
export async function takeTimes(logPrefix: string): Promise<number[]> {
  const folder = dirname(logPrefix);
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${basename(logPrefix)}.`));
  const times: number[] = [];
  for (const name of names) {
    const text = await readFile(`${folder}/${name}`, 'utf8');
    // client, number, time in microseconds, script, seconds, microseconds
    for (const line of text.split('\n')) if (line !== '') times.push(Number(line.split(' ')[2]));
    await rm(`${folder}/${name}`);
  }
  return times.sort((a, b) => a - b);
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
