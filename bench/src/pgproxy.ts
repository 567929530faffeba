import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createScramSecret } from './pgproxy-clients.ts';
import { measureLogins, measureMemory } from './pgproxy-connections.ts';
import { measureFairness } from './pgproxy-fairness.ts';
import { type Pooler, pgbouncerVersion, startPgbouncer, startProxy } from './pgproxy-poolers.ts';
import { measureBulk, measureRates, measureTimes, type Rig } from './pgproxy-rates.ts';
import { startPostgres } from './postgres.ts';
import { type Measurement, medianOf, publish } from './results.ts';
import { hasPgbench } from './transactions-load.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** The three figures the targets are stated in, over all cells that have a peer. */
function summaryOf(rates: readonly Measurement[]): Measurement[] {
  const noted = (key: string): number[] =>
    rates.map(({ notes }) => notes?.[key]).filter((value) => typeof value === 'number');
  const ratios = noted('pairedRatio');
  if (ratios.length === 0) return [];
  const cells = `${ratios.length} cells`;
  return [
    {
      measure: `rate beside PgBouncer, geometric mean of ${cells}`,
      unit: 'x',
      rounds: [geometricMean(ratios)],
    },
    { measure: `rate beside PgBouncer, lowest of ${cells}`, unit: 'x', rounds: [Math.min(...ratios)] },
    {
      measure: `CPU per transaction beside PgBouncer, geometric mean of ${cells}`,
      unit: 'x',
      rounds: [geometricMean(noted('cpuRatio'))],
    },
  ];
}

/** One line per measurement for people; the JSON lines are for programs. */
function tableOf(measurements: readonly Measurement[]): string {
  const cell = (value: unknown): string =>
    typeof value === 'number' ? String(Number(value.toPrecision(3))) : '';
  const head = ['', 'pgproxy', 'unit', 'PgBouncer', 'ratio', 'CPU µs', 'peer µs', 'CPU ratio', 'direct'];
  const rows = measurements.map(({ measure, unit, rounds, peer, notes }) => {
    const own = medianOf(rounds);
    const other = peer === undefined ? undefined : medianOf(peer.rounds);
    const ratio = notes?.['pairedRatio'] ?? (other === undefined ? undefined : own / other);
    const cpu = ['cpuMicros', 'peerCpuMicros', 'cpuRatio', 'direct'].map((key) => cell(notes?.[key]));
    return [measure, cell(own), unit, cell(other), cell(ratio), ...cpu];
  });
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function optionsOf(words: readonly string[]): {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly parts: readonly string[] | undefined;
  readonly extra: Record<string, unknown>;
} {
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      part: { type: 'string', multiple: true },
      option: { type: 'string', multiple: true },
    },
  });
  const extra = (values.option ?? []).map((text) => text.split('=', 2));
  return {
    isQuick: values.quick,
    rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
    parts: values.part,
    extra: Object.fromEntries(extra),
  };
}

async function startPeer(
  options: Omit<Parameters<typeof startPgbouncer>[0], 'version' | 'port'>,
): Promise<Pooler | undefined> {
  const version = await pgbouncerVersion();
  return version === undefined ? undefined : startPgbouncer({ ...options, version, port: await freePort() });
}

/**
 * The proxy beside PgBouncer and PostgreSQL alone, interleaved. `--quick`: one round; `--rounds N`; `--part NAME`
 * (rates, times, bulk, memory, logins, fairness) may be repeated; `--option name=text` sets an option of the proxy.
 */
export const pgproxy = {
  name: 'pgproxy',
  summary: 'the proxy beside PgBouncer and PostgreSQL alone, about six minutes, --quick one and a half',
  async run(words: readonly string[]): Promise<void> {
    const { isQuick, rounds, parts, extra } = optionsOf(words);
    if (!(await hasPgbench())) throw new Error('pgbench is not on the path; it comes with PostgreSQL');
    const folder = await mkdtemp(join(tmpdir(), 'sampan-bench-'));
    try {
      await using postgres = await startPostgres();
      const secret = createScramSecret();
      const common = { folder, postgres, verifier: secret.verifier };
      await using proxy = await startProxy({ ...common, extra });
      const peer = await startPeer(common);
      await using _peer = peer ?? { [Symbol.asyncDispose]: () => Promise.resolve() };
      const rig: Rig = { folder, postgres, proxy, peer, rounds, isQuick };
      const wants = (part: string): boolean => parts === undefined || parts.includes(part);
      // Memory comes first, on processes that have done nothing else.
      const found: Measurement[] = [];
      if (wants('memory')) found.push(...(await measureMemory(rig)));
      const rates = wants('rates') ? await measureRates(rig) : [];
      found.push(...rates, ...summaryOf(rates));
      if (wants('times')) found.push(...(await measureTimes(rig)));
      if (wants('bulk')) found.push(...(await measureBulk(rig)));
      if (wants('logins')) found.push(...(await measureLogins(rig, secret)));
      if (wants('fairness')) found.push(...(await measureFairness(rig)));
      await publish('pgproxy', found);
      process.stderr.write(`${tableOf(found)}\n`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
