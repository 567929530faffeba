import { describe, expect, it } from 'vitest';
import { evenShards, mergeShards, type Shard, shardOfKey, splitShard } from './shards.ts';

const now = 1_700_000_000;
const ranges = (shards: readonly Shard[]): string[] =>
  shards.map(
    (shard) =>
      `${shard.shardID} ${shard.status} ${shard.inclusiveBeginKey.slice(0, 4)}-${shard.exclusiveEndKey.slice(0, 4)}`,
  );
const parameterInvalid = (errorMessage: string): unknown =>
  expect.objectContaining({ status: 400, errorCode: 'ParameterInvalid', errorMessage });

describe('SplitShard', () => {
  it('cuts a range in the middle and makes the old shard readonly', () => {
    const { shards, touched } = splitShard(evenShards(2, 1), { shard: 0, now });
    expect(ranges(touched)).toEqual([
      '0 readonly 0000-8000',
      '2 readwrite 0000-4000',
      '3 readwrite 4000-8000',
    ]);
    expect(ranges(shards)).toEqual([
      '0 readonly 0000-8000',
      '1 readwrite 8000-ffff',
      '2 readwrite 0000-4000',
      '3 readwrite 4000-8000',
    ]);
    expect(shards.map((shard) => shard.createTime)).toEqual([1, 1, now, now]);
    expect(shards.map((shard) => shard.parents)).toEqual([undefined, undefined, [0], [0]]);
  });

  it('cuts at a key, aligned left when short', () => {
    const { touched } = splitShard(evenShards(1, 1), { shard: 0, key: 'EF', now });
    expect(ranges(touched)).toEqual([
      '0 readonly 0000-ffff',
      '1 readwrite 0000-ef00',
      '2 readwrite ef00-ffff',
    ]);
  });

  it('cuts the last range into as many equal parts as asked for', () => {
    const { touched } = splitShard(evenShards(2, 1), { shard: 1, count: 4, now });
    expect(ranges(touched).slice(1)).toEqual([
      '2 readwrite 8000-a000',
      '3 readwrite a000-c000',
      '4 readwrite c000-e000',
      '5 readwrite e000-ffff',
    ]);
  });

  it.each([['8'], ['0'], ['ff'], ['xyz'], ['0'.repeat(33)]])(
    'refuses the key %s outside the range',
    (key) => {
      expect(() => splitShard(evenShards(2, 1), { shard: 0, key, now })).toThrow(
        parameterInvalid('invalid mid hash.'),
      );
    },
  );

  it('refuses a readonly shard, one that is not there, and a split into one', () => {
    const { shards } = splitShard(evenShards(2, 1), { shard: 0, now });
    expect(() => splitShard(shards, { shard: 0, now })).toThrow(parameterInvalid('invalid shard id.'));
    expect(() => splitShard(shards, { shard: 9, now })).toThrow(
      expect.objectContaining({ status: 404, errorCode: 'ShardNotExist' }),
    );
    expect(() => splitShard(shards, { shard: 1, count: 1, now })).toThrow(
      expect.objectContaining({ errorCode: 'ParameterInvalid' }),
    );
  });

  it('never makes more than 256 writable shards', () => {
    const { shards } = splitShard(evenShards(100, 1), { shard: 0, count: 157, now });
    expect(shards.filter((shard) => shard.status === 'readwrite')).toHaveLength(256);
    expect(() => splitShard(shards, { shard: 1, now })).toThrow(
      expect.objectContaining({ errorCode: 'ExceedQuota' }),
    );
  });
});

describe('MergeShards', () => {
  it('joins a shard with its right neighbour', () => {
    const { shards, touched } = mergeShards(evenShards(4, 1), { shard: 1, now });
    expect(ranges(touched)).toEqual([
      '4 readwrite 4000-c000',
      '1 readonly 4000-8000',
      '2 readonly 8000-c000',
    ]);
    expect(ranges(shards)).toHaveLength(5);
    expect(touched[0]?.parents).toEqual([1, 2]);
  });

  it('finds the neighbour by its range, not by its number', () => {
    const { shards } = splitShard(evenShards(2, 1), { shard: 0, now });
    expect(ranges(mergeShards(shards, { shard: 3, now }).touched)).toEqual([
      '4 readwrite 4000-ffff',
      '3 readonly 4000-8000',
      '1 readonly 8000-ffff',
    ]);
  });

  it('refuses the shard at the right end', () => {
    expect(() => mergeShards(evenShards(2, 1), { shard: 1, now })).toThrow(
      parameterInvalid('can not merge the last shard.'),
    );
  });
});

it('routes every key to exactly one writable shard, however often shards were split and merged', () => {
  let shards: readonly Shard[] = evenShards(3, 1);
  shards = splitShard(shards, { shard: 1, count: 3, now }).shards;
  shards = mergeShards(shards, { shard: 0, now }).shards;
  shards = splitShard(shards, { shard: 2, key: 'f0', now }).shards;
  for (const key of ['0', '2aaa', '55', '5555555555555555', '7', 'aa', 'ab', 'ef', 'f', 'f'.repeat(32)]) {
    const padded = key.padEnd(32, '0');
    const holders = shards.filter(
      (shard) =>
        shard.status === 'readwrite' &&
        shard.inclusiveBeginKey <= padded &&
        (padded < shard.exclusiveEndKey || shard.exclusiveEndKey === 'f'.repeat(32)),
    );
    expect(holders).toHaveLength(1);
    expect(shardOfKey(shards, key)).toBe(holders[0]);
  }
});
