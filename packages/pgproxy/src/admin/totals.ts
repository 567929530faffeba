import type { Clock, Timer } from '@sampan/base';
import type { Pool } from '../server/pool.ts';
import type { ServerPools } from '../server/server-pools.ts';

/** What one database has been asked for since the start. */
export interface Totals {
  transactions: number;
  queries: number;
  receivedBytes: number;
  sentBytes: number;
  /** Time servers were held. */
  transactionMs: number;
  waitMs: number;
}

const names = ['transactions', 'queries', 'receivedBytes', 'sentBytes', 'transactionMs', 'waitMs'] as const;
const periodMs = 60_000;

export const noTotals = (): Totals => ({
  transactions: 0,
  queries: 0,
  receivedBytes: 0,
  sentBytes: 0,
  transactionMs: 0,
  waitMs: 0,
});

function add(to: Totals, from: Totals): Totals {
  for (const name of names) to[name] += from[name];
  return to;
}

/** Of a pool: what ended sessions left, and what live ones have counted themselves. */
export function totalsOf(pool: Pool): Totals {
  const totals = { ...pool.totals };
  for (const server of pool.servers) {
    totals.transactions += server.transactions;
    totals.queries += server.turns;
    totals.sentBytes += server.receivedBytes;
  }
  return totals;
}

/** Totals by database, and averages over the last whole period. */
export class TotalsBook {
  readonly #pools: ServerPools;
  readonly #clock: Clock;
  #before = new Map<string, Totals>();
  #last = new Map<string, Totals>();
  #timer: Timer | undefined;

  constructor(pools: ServerPools, clock: Clock) {
    this.#pools = pools;
    this.#clock = clock;
  }

  start(): void {
    this.#timer = this.#clock.after(periodMs, () => {
      this.#before = this.#last;
      this.#last = this.now();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  now(): Map<string, Totals> {
    const byDatabase = new Map<string, Totals>();
    for (const pool of this.#pools.pools.values()) {
      const known = byDatabase.get(pool.database) ?? noTotals();
      byDatabase.set(pool.database, add(known, totalsOf(pool)));
    }
    return byDatabase;
  }

  /** Of the last whole period; all zero before the first has passed. */
  lastPeriod(database: string): Totals & { readonly seconds: number } {
    const to = this.#last.get(database) ?? noTotals();
    const from = this.#before.get(database) ?? noTotals();
    const difference = noTotals();
    for (const name of names) difference[name] = to[name] - from[name];
    return { ...difference, seconds: periodMs / 1000 };
  }
}
