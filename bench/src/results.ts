import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from './app-process.ts';

/** One figure: the median of its rounds, beside the same work on a peer in the same run. */
export interface Measurement {
  readonly measure: string;
  readonly unit: string;
  readonly rounds: readonly number[];
  readonly peer?: { readonly measure: string; readonly rounds: readonly number[] };
  readonly notes?: Readonly<Record<string, number | string>>;
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Prints each figure as a JSON line and keeps all of them in a dated file below `bench/results`. */
export async function publish(bench: string, measurements: readonly Measurement[]): Promise<void> {
  const lines = measurements.map(({ rounds, peer, ...rest }) => ({
    bench,
    ...rest,
    median: rounded(medianOf(rounds)),
    rounds: rounds.map(rounded),
    ...(peer === undefined
      ? {}
      : {
          peer: { ...peer, median: rounded(medianOf(peer.rounds)), rounds: peer.rounds.map(rounded) },
          ratio: rounded(medianOf(rounds) / medianOf(peer.rounds)),
        }),
  }));
  for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
  const at = new Date().toISOString();
  const machine = {
    processors: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memoryMb: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
  const folder = join(root, 'bench/results');
  await mkdir(folder, { recursive: true });
  const name = `${bench}-${at.slice(0, 19).replaceAll(':', '')}Z.json`;
  await writeFile(join(folder, name), `${JSON.stringify({ at, machine, measurements: lines }, null, 2)}\n`);
}
