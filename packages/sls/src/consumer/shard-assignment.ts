/** A live consumer of a group. */
export interface Member {
  readonly name: string;
  /** Shards it was given or reports: what it may be reading at this moment. */
  readonly holds: ReadonlySet<number>;
}

/** Who should read each shard. */
export type Owners = ReadonlyMap<number, string>;

/**
 * Shares shards among members so that no member has two more than another, moving as few as possible:
 * 1. a shard stays with its owner;
 * 2. one without an owner goes to a member that already holds it (the server was restarted), else to the member
 *    with the fewest;
 * 3. members with too many give to those with the fewest, first what they do not hold yet.
 *
 * The result says who should read a shard, not that nobody else still does.
 */
export function assignShards(shards: readonly number[], members: readonly Member[], before: Owners): Owners {
  const sorted = members.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const owned = new Map<string, number[]>(sorted.map((member) => [member.name, []]));
  const orphans: number[] = [];
  for (const shard of shards) {
    const list = owned.get(before.get(shard) ?? '');
    if (list === undefined) orphans.push(shard);
    else list.push(shard);
  }
  if (sorted.length === 0) return new Map();
  for (const shard of orphans) {
    const holder = sorted.find((member) => member.holds.has(shard));
    (holder === undefined ? fewest(owned) : (owned.get(holder.name) ?? fewest(owned))).push(shard);
  }
  balance(owned, sorted);
  return new Map([...owned].flatMap(([name, list]) => list.map((shard) => [shard, name] as const)));
}

function balance(owned: ReadonlyMap<string, number[]>, members: readonly Member[]): void {
  for (;;) {
    const receiver = fewest(owned);
    const [giver, list] = most(owned);
    if (list.length - receiver.length < 2) return;
    const holds = members.find((member) => member.name === giver)?.holds;
    const free = list.findLastIndex((shard) => holds?.has(shard) !== true);
    const [moved] = list.splice(free < 0 ? list.length - 1 : free, 1);
    if (moved !== undefined) receiver.push(moved);
  }
}

function fewest(owned: ReadonlyMap<string, number[]>): number[] {
  let best: number[] | undefined;
  for (const list of owned.values()) if (best === undefined || list.length < best.length) best = list;
  return best ?? [];
}

function most(owned: ReadonlyMap<string, number[]>): [string, number[]] {
  let best: [string, number[]] = ['', []];
  for (const entry of owned) if (entry[1].length > best[1].length) best = entry;
  return best;
}
