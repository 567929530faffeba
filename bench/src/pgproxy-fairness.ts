import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { percentile, runPgbench, takeTimes } from './pgproxy-pgbench.ts';
import { type Pooler, poolSize, users } from './pgproxy-poolers.ts';
import type { Rig } from './pgproxy-rates.ts';
import { type Measurement, medianOf } from './results.ts';

const floodClients = 500;
const criticalClients = 4;
/** Length of the flood's transactions: long beside their cost, so that connections and not processors are scarce. */
const transactionMs = 20;

interface Flood {
  readonly idleP99Ms: number;
  readonly floodedP99Ms: number;
  /** Transactions of the flood per second, as a share of what the connections allow. */
  readonly share: number;
  /** The same while the critical component works as well. */
  readonly sharedShare: number;
}

async function floodRound(rig: Rig, pooler: Pooler, script: string): Promise<Flood> {
  const { database } = rig.postgres;
  const { port } = pooler;
  const logPrefix = join(rig.folder, 'critical');
  const critical = async (seconds: number): Promise<number> => {
    const load = { clients: criticalClients, seconds, protocol: 'simple', logPrefix } as const;
    await runPgbench({ port, user: users.critical, database }, load);
    return percentile(await takeTimes(logPrefix), 0.99) / 1000;
  };
  const flood = async (seconds: number): Promise<number> => {
    const load = { clients: floodClients, seconds, protocol: 'simple', script } as const;
    const { perSecond } = await runPgbench({ port, user: users.flood, database }, load);
    return perSecond / (poolSize * (1000 / transactionMs));
  };
  const idleP99Ms = await critical(1);
  const share = await flood(2);
  // The flood is up before and after the seconds in which the critical component is timed.
  const both = flood(4);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const floodedP99Ms = await critical(1);
  return { idleP99Ms, floodedP99Ms, share, sharedShare: await both };
}

/** The wait of a component with a guarantee while another floods the pool, against a pool without components. */
export async function measureFairness(rig: Rig): Promise<Measurement[]> {
  const script = join(rig.folder, 'sleep.sql');
  await writeFile(script, `SELECT pg_sleep(${transactionMs / 1000});\n`);
  const own: Flood[] = [];
  const peer: Flood[] = [];
  for (let round = 0; round < Math.min(3, rig.rounds); round++) {
    own.push(await floodRound(rig, rig.proxy, script));
    if (rig.peer !== undefined) peer.push(await floodRound(rig, rig.peer, script));
  }
  const idle = medianOf(own.map(({ idleP99Ms }) => idleP99Ms));
  return [
    {
      measure: `p99 of component A (guaranteed 5 of ${poolSize}, ${criticalClients} clients) while B floods with ${floodClients} clients of ${transactionMs} ms`,
      unit: 'ms',
      rounds: own.map(({ floodedP99Ms }) => floodedP99Ms),
      ...(rig.peer === undefined
        ? {}
        : {
            peer: {
              measure: `${rig.peer.name}, one pool`,
              rounds: peer.map(({ floodedP99Ms }) => floodedP99Ms),
            },
          }),
      notes: {
        idleP99Ms: idle,
        limitMs: 2 * idle + transactionMs,
        floodAloneShare: medianOf(own.map(({ share }) => share)),
        floodBesideShare: medianOf(own.map(({ sharedShare }) => sharedShare)),
        ...(peer.length === 0 ? {} : { peerFloodAloneShare: medianOf(peer.map(({ share }) => share)) }),
      },
    },
  ];
}
