import { z } from 'zod';

/** A shard owns a range of the 128-bit MD5 space; keys are 32 lower-case hex digits. */
export interface Shard {
  readonly shardID: number;
  readonly status: 'readwrite' | 'readonly';
  readonly inclusiveBeginKey: string;
  readonly exclusiveEndKey: string;
  /** Seconds since the Unix epoch. */
  readonly createTime: number;
}

export const shardSchema = z.object({
  shardID: z.number().int().min(0),
  status: z.enum(['readwrite', 'readonly']),
  inclusiveBeginKey: z.string(),
  exclusiveEndKey: z.string(),
  createTime: z.number(),
});

const keySpace = 1n << 128n;
const lastKey = 'f'.repeat(32);

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
