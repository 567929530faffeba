import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PgbenchLoad, percentile, runPgbench, takeTimes } from './pgproxy-pgbench.ts';
import { cpuMicros, type Pooler, users } from './pgproxy-poolers.ts';
import type { BenchPostgres } from './postgres.ts';
import { type Measurement, medianOf } from './results.ts';

/** What stands between pgbench and PostgreSQL in one run. */
export interface Rig {
  readonly folder: string;
  readonly postgres: BenchPostgres;
  readonly proxy: Pooler;
  /** Absent where PgBouncer is not installed. */
  readonly peer: Pooler | undefined;
  readonly rounds: number;
  readonly isQuick: boolean;
}

type Name = 'proxy' | 'peer' | 'direct';

interface Series {
  readonly rates: number[];
  /** CPU of the pooler per transaction, microseconds. */
  readonly cpu: number[];
  readonly p99Ms: number[];
}

interface Cell extends Omit<PgbenchLoad, 'seconds'> {
  readonly title: string;
  readonly isTimed: boolean;
  readonly hasDirect: boolean;
}

/** Pairs of a round, because a neighbour's load moves both sides of it alike. */
export function pairedRatio(own: readonly number[], peer: readonly number[]): number {
  return rounded(medianOf(own.map((value, at) => value / (peer[at] ?? Number.NaN))));
}

/** Three digits: more would be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

async function runOnce(rig: Rig, cell: Cell, name: Name, series: Series): Promise<void> {
  const { database, port, user, password } = rig.postgres;
  const pooler = name === 'direct' ? undefined : rig[name];
  const target =
    pooler === undefined
      ? { port, user, password, database }
      : { port: pooler.port, user: users.load, database };
  const logPrefix = join(rig.folder, 'times');
  const before = pooler === undefined ? 0 : await cpuMicros(pooler.pid);
  // Connecting counts towards the time, and directly it costs a process and a SCRAM login each.
  const seconds = name === 'direct' || cell.clients > 100 ? 2 : 1;
  const load = { ...cell, seconds };
  const result = await runPgbench(target, cell.isTimed ? { ...load, logPrefix } : load);
  const after = pooler === undefined ? 0 : await cpuMicros(pooler.pid);
  series.rates.push(result.perSecond);
  series.cpu.push((after - before) / result.transactions);
  if (cell.isTimed) series.p99Ms.push(percentile(await takeTimes(logPrefix), 0.99) / 1000);
}

/** Rounds of one cell, each name once per round, in alternating order. */
async function measureCell(rig: Rig, cell: Cell): Promise<Record<Name, Series>> {
  const empty = (): Series => ({ rates: [], cpu: [], p99Ms: [] });
  const found = { proxy: empty(), peer: empty(), direct: empty() };
  const names: Name[] = ['proxy'];
  const canPeer = rig.peer !== undefined && (cell.protocol !== 'prepared' || rig.peer.hasPrepared);
  if (canPeer) names.push('peer');
  if (cell.hasDirect) names.push('direct');
  for (let round = 0; round < rig.rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      await runOnce(rig, cell, name, found[name]);
    }
  }
  return found;
}

function measurementOf(rig: Rig, cell: Cell, found: Record<Name, Series>): Measurement {
  const { proxy, peer, direct } = found;
  const name = rig.peer?.name ?? 'PgBouncer is not installed';
  const cannot = rig.peer === undefined ? name : `${name} has no prepared statements in transaction mode`;
  const hasPeer = peer.rates.length > 0;
  return {
    measure: cell.title,
    unit: cell.isTimed ? 'ms p99' : 'transactions/s',
    rounds: cell.isTimed ? proxy.p99Ms : proxy.rates,
    ...(hasPeer ? { peer: { measure: name, rounds: cell.isTimed ? peer.p99Ms : peer.rates } } : {}),
    notes: {
      cpuMicros: rounded(medianOf(proxy.cpu)),
      ...(hasPeer
        ? {
            pairedRatio: cell.isTimed
              ? pairedRatio(proxy.p99Ms, peer.p99Ms)
              : pairedRatio(proxy.rates, peer.rates),
            peerCpuMicros: rounded(medianOf(peer.cpu)),
            cpuRatio: pairedRatio(proxy.cpu, peer.cpu),
          }
        : { peer: cannot }),
      ...(direct.rates.length > 0 ? { direct: rounded(medianOf(direct.rates)) } : {}),
    },
  };
}

/** Transactions per second and CPU of each, for every statement, protocol and number of clients. */
export async function measureRates(rig: Rig): Promise<Measurement[]> {
  const select1 = join(rig.folder, 'select-1.sql');
  await writeFile(select1, 'SELECT 1;\n');
  const found: Measurement[] = [];
  for (const script of [undefined, select1]) {
    for (const protocol of ['simple', 'extended', 'prepared'] as const) {
      for (const clients of [16, 64, 256]) {
        const statement = script === undefined ? 'pgbench -S' : 'SELECT 1';
        const cell: Cell = {
          title: `${statement}, ${protocol}, ${clients} clients`,
          clients,
          protocol,
          isTimed: false,
          hasDirect: clients === 64,
          ...(script === undefined ? {} : { script }),
        };
        found.push(measurementOf(rig, cell, await measureCell(rig, cell)));
      }
    }
  }
  return found;
}

/** The 99th percentile of the time of a transaction at 64 clients. */
export async function measureTimes(rig: Rig): Promise<Measurement[]> {
  const found: Measurement[] = [];
  for (const protocol of ['simple', 'extended', 'prepared'] as const) {
    const title = `p99 of pgbench -S, ${protocol}, 64 clients`;
    const cell: Cell = { title, clients: 64, protocol, isTimed: true, hasDirect: false };
    found.push(measurementOf(rig, cell, await measureCell(rig, cell)));
  }
  return found;
}

/** Results of 10,000 rows. */
export async function measureBulk(rig: Rig): Promise<Measurement[]> {
  const script = join(rig.folder, 'rows.sql');
  await writeFile(script, 'SELECT aid, bid, abalance, filler FROM pgbench_accounts LIMIT 10000;\n');
  const found: Measurement[] = [];
  for (const clients of [8, 32]) {
    const title = `10,000-row results, simple, ${clients} clients`;
    const cell: Cell = {
      title,
      clients,
      protocol: 'simple',

      script,
      isTimed: false,
      hasDirect: false,
    };
    found.push(measurementOf(rig, cell, await measureCell(rig, cell)));
  }
  return found;
}
