import { createRandom } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { assignShards, type Member, type Owners } from './shard-assignment.ts';

function members(...names: string[]): Member[] {
  return names.map((name) => ({ name, holds: new Set<number>() }));
}
const plain = (owners: Owners): Record<string, number[]> => {
  const lists: Record<string, number[]> = {};
  for (const [shard, owner] of [...owners].sort((a, b) => a[0] - b[0])) {
    lists[owner] = [...(lists[owner] ?? []), shard];
  }
  return lists;
};

describe('shards of a consumer group', () => {
  it('are shared evenly', () => {
    const owners = assignShards([0, 1, 2, 3], members('b', 'a', 'c'), new Map());
    expect(plain(owners)).toEqual({ a: [0, 3], b: [1], c: [2] });
  });

  it('stay where they are as long as that is even', () => {
    const before = new Map([
      [0, 'b'],
      [1, 'b'],
      [2, 'a'],
    ]);
    expect(assignShards([0, 1, 2], members('a', 'b'), before)).toEqual(before);
  });

  it('move to a newcomer, no more than needed', () => {
    const before = new Map([0, 1, 2, 3].map((shard) => [shard, 'a'] as const));
    expect(plain(assignShards([0, 1, 2, 3], members('a', 'b'), before))).toEqual({ a: [0, 1], b: [2, 3] });
  });

  it('of a consumer that is gone go to those with the fewest', () => {
    const before = new Map([
      [0, 'a'],
      [1, 'gone'],
      [2, 'gone'],
      [3, 'b'],
    ]);
    expect(plain(assignShards([0, 1, 2, 3], members('a', 'b'), before))).toEqual({ a: [0, 1], b: [2, 3] });
  });

  it('are left to whoever holds them when nothing is known', () => {
    const holders: Member[] = [
      { name: 'a', holds: new Set([2, 3]) },
      { name: 'b', holds: new Set([0, 1]) },
    ];
    expect(plain(assignShards([0, 1, 2, 3], holders, new Map()))).toEqual({ a: [2, 3], b: [0, 1] });
  });

  it('have nobody when there is nobody', () => {
    expect(assignShards([0, 1], [], new Map([[0, 'a']])).size).toBe(0);
  });

  it('are each with one member, evenly, after any history', () => {
    const random = createRandom(9);
    let owners: Owners = new Map();
    for (let round = 0; round < 500; round++) {
      const shards = Array.from({ length: random.integer(20) }, (_, index) => index * 3);
      const live = members(...'abcdefg'.slice(0, 1 + random.integer(7)));
      owners = assignShards(shards, live, owners);
      expect([...owners.keys()].sort((a, b) => a - b)).toEqual(shards);
      const counts = live.map(({ name }) => [...owners.values()].filter((owner) => owner === name).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(2);
    }
  });
});
