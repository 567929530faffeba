/** One batch as a consumer printed it. */
interface Batch {
  readonly shard: number;
  readonly logs: readonly (readonly [lane: string, sequence: number])[];
}

/** What consumers have delivered, lane by lane. The logs of a lane are numbered from 0 and go to one shard. */
export class DeliveryLedger {
  /** The first number of each lane that has not been delivered. */
  readonly #next = new Map<string, number>();
  readonly #shardsOf = new Map<string, Set<number>>();
  /** Numbers that came before an earlier one of the same lane had come at all. */
  readonly gaps: string[] = [];
  repeated = 0;

  /** Takes a line that a consumer has printed. */
  enter(consumer: string, line: string): void {
    if (!line.startsWith('{')) return;
    const { shard, logs } = JSON.parse(line) as Batch;
    const shards = this.#shardsOf.get(consumer) ?? new Set<number>();
    this.#shardsOf.set(consumer, shards.add(shard));
    for (const [lane, sequence] of logs) {
      const next = this.#next.get(lane) ?? 0;
      if (sequence > next) this.gaps.push(`${consumer}: lane ${lane} has ${sequence} before ${next}`);
      if (sequence < next) this.repeated += 1;
      this.#next.set(lane, Math.max(next, sequence + 1));
    }
  }

  delivered(lane: string): number {
    return this.#next.get(lane) ?? 0;
  }

  /** Shards that a consumer has delivered from, ever. */
  shardsOf(consumer: string): ReadonlySet<number> {
    return this.#shardsOf.get(consumer) ?? new Set();
  }
}
