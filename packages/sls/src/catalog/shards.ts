import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';

/** A shard owns a range of the 128-bit MD5 space; keys are 32 lower-case hex digits. */
export interface Shard {
  readonly shardID: number;
  readonly status: 'readwrite' | 'readonly';
  readonly inclusiveBeginKey: string;
  readonly exclusiveEndKey: string;
  /** Seconds since the Unix epoch. */
  readonly createTime: number;
  /** The shards that were split or merged into this one. */
  readonly parents?: readonly number[] | undefined;
  /** When the shard was split or merged away, seconds since the Unix epoch. */
  readonly readonlyTime?: number | undefined;
}

export const shardSchema = z.object({
  shardID: z.number().int().min(0),
  status: z.enum(['readwrite', 'readonly']),
  inclusiveBeginKey: z.string(),
  exclusiveEndKey: z.string(),
  createTime: z.number(),
  parents: z.array(z.number()).optional(),
  readonlyTime: z.number().optional(),
});

const keySpace = 1n << 128n;
const lastKey = 'f'.repeat(32);

/** The service's bound on the writable shards of a logstore. */
const writableShardsMax = 256;

/** Shards 0 to `count - 1` that split the key space evenly. */
export function evenShards(count: number, createTime: number): Shard[] {
  const begin = (index: number): string =>
    ((keySpace * BigInt(index)) / BigInt(count)).toString(16).padStart(32, '0');
  return Array.from({ length: count }, (_, index) => ({
    shardID: index,
    status: 'readwrite',
    inclusiveBeginKey: begin(index),
    exclusiveEndKey: index === count - 1 ? lastKey : begin(index + 1),
    createTime,
  }));
}

/**
 * The writable shard whose range holds a hash key, or `undefined` when the key is not hex. A short key is
 * aligned left. The very last key belongs to the last shard although its range is half open.
 */
export function shardOfKey(shards: readonly Shard[], hashKey: string): Shard | undefined {
  if (!/^[0-9a-f]{1,32}$/i.test(hashKey)) return undefined;
  const key = hashKey.toLowerCase().padEnd(32, '0');
  return shards.find(
    (shard) =>
      shard.status === 'readwrite' &&
      shard.inclusiveBeginKey <= key &&
      (key < shard.exclusiveEndKey || shard.exclusiveEndKey === lastKey),
  );
}

/** What a split or merge leaves: all shards, and those it touched in the order of the API's answer. */
export interface ShardChange {
  readonly shards: readonly Shard[];
  readonly touched: readonly Shard[];
}

export interface ShardSplit {
  readonly shard: number;
  /** Begin key of the right half; the middle of the range when absent. */
  readonly key?: string | undefined;
  /** Parts of equal size; 2 when absent. */
  readonly count?: number | undefined;
  /** Seconds since the Unix epoch. */
  readonly now: number;
}

/** Makes a shard readonly and gives its range to new ones. Throws the vendor's sentence when it cannot be split. */
export function splitShard(shards: readonly Shard[], split: ShardSplit): ShardChange {
  const parent = requireShard(shards, split.shard);
  if (parent.status !== 'readwrite') throw slsErrors.parameterInvalid('invalid shard id.');
  const bounds = [parent.inclusiveBeginKey, ...innerBounds(parent, split), parent.exclusiveEndKey];
  const writable = shards.filter((shard) => shard.status === 'readwrite').length;
  if (writable + bounds.length - 2 > writableShardsMax) {
    throw slsErrors.exceedQuota(`a logstore has at most ${writableShardsMax} readwrite shards`);
  }
  const children = bounds.slice(1).map((end, index) => ({
    shardID: nextShardId(shards) + index,
    status: 'readwrite' as const,
    inclusiveBeginKey: bounds[index] ?? '',
    exclusiveEndKey: end,
    createTime: split.now,
    parents: [parent.shardID],
  }));
  return replaced(shards, { closed: [parent], opened: children, now: split.now, isOldFirst: true });
}

/** Makes a shard and its right neighbour readonly and gives their ranges to a new one. */
export function mergeShards(
  shards: readonly Shard[],
  merge: { readonly shard: number; readonly now: number },
): ShardChange {
  const left = requireShard(shards, merge.shard);
  if (left.status !== 'readwrite') throw slsErrors.parameterInvalid('invalid shard id.');
  const right = shards.find(
    (shard) => shard.status === 'readwrite' && shard.inclusiveBeginKey === left.exclusiveEndKey,
  );
  if (right === undefined) throw slsErrors.parameterInvalid('can not merge the last shard.');
  const merged: Shard = {
    shardID: nextShardId(shards),
    status: 'readwrite',
    inclusiveBeginKey: left.inclusiveBeginKey,
    exclusiveEndKey: right.exclusiveEndKey,
    createTime: merge.now,
    parents: [left.shardID, right.shardID],
  };
  return replaced(shards, { closed: [left, right], opened: [merged], now: merge.now, isOldFirst: false });
}

/** The shard of a number, or `ShardNotExist`. */
export function requireShard(shards: readonly Shard[], id: number): Shard {
  const shard = shards.find((each) => each.shardID === id);
  if (shard === undefined) throw slsErrors.shardNotExist(id);
  return shard;
}

function nextShardId(shards: readonly Shard[]): number {
  return 1 + Math.max(...shards.map((shard) => shard.shardID));
}

function replaced(
  shards: readonly Shard[],
  change: { closed: readonly Shard[]; opened: readonly Shard[]; now: number; isOldFirst: boolean },
): ShardChange {
  const closed = change.closed.map((shard) => ({
    ...shard,
    status: 'readonly' as const,
    readonlyTime: change.now,
  }));
  const kept = shards.map((shard) => closed.find((each) => each.shardID === shard.shardID) ?? shard);
  const touched = change.isOldFirst ? [...closed, ...change.opened] : [...change.opened, ...closed];
  return { shards: [...kept, ...change.opened], touched };
}

/** Where a shard is cut, in order. */
function innerBounds(parent: Shard, split: ShardSplit): string[] {
  const invalid = slsErrors.parameterInvalid('invalid mid hash.');
  if (split.key !== undefined) {
    const key = split.key.toLowerCase().padEnd(32, '0');
    if (!/^[0-9a-f]{32}$/.test(key)) throw invalid;
    if (key <= parent.inclusiveBeginKey || key >= parent.exclusiveEndKey) throw invalid;
    return [key];
  }
  const count = split.count ?? 2;
  if (count < 2 || count > writableShardsMax) {
    throw slsErrors.parameterInvalid(`shardCount must be within range [2, ${writableShardsMax}]`);
  }
  const begin = BigInt(`0x${parent.inclusiveBeginKey}`);
  // The last end key is written as 32 f, one short of the end of the key space.
  const end = parent.exclusiveEndKey === lastKey ? keySpace : BigInt(`0x${parent.exclusiveEndKey}`);
  if (end - begin < BigInt(count)) throw invalid;
  return Array.from({ length: count - 1 }, (_, index) =>
    (begin + ((end - begin) * BigInt(index + 1)) / BigInt(count)).toString(16).padStart(32, '0'),
  );
}
