import { describe, expect, it } from 'vitest';
import { ConsumerGroup, type ReadableShard } from './consumer-group.ts';
import { encodeCursor } from './cursor.ts';

function groupOf(settings: { timeout?: number; order?: boolean } = {}): ConsumerGroup {
  return new ConsumerGroup({ name: 'g', timeout: 30, order: false, checkpoints: [], ...settings });
}

function open(...numbers: number[]): ReadableShard[] {
  return numbers.map((shard) => ({ shard, isReadonly: false, parents: [], begin: 0, end: 5 }));
}

/** A consumer as the vendor's libraries are: it reports what it has, and adds what it is given. */
function consumer(group: ConsumerGroup, name: string) {
  let held: number[] = [];
  return {
    beat(shards: ReadableShard[], nowMs: number): number[] {
      const given = group.heartbeat({ consumer: name, held, nowMs }, shards);
      held = [...new Set([...held, ...given])];
      return given;
    },
    drop(...gone: number[]): void {
      held = held.filter((shard) => !gone.includes(shard));
    },
  };
}

describe('heartbeats', () => {
  it('hand a shard over only after its holder has stopped reporting it', () => {
    const group = groupOf();
    const [a, b] = [consumer(group, 'a'), consumer(group, 'b')];
    const shards = open(0, 1);
    expect(a.beat(shards, 0)).toEqual([0, 1]);
    expect(b.beat(shards, 1000)).toEqual([]);
    expect(a.beat(shards, 2000)).toEqual([0]);
    expect(b.beat(shards, 3000)).toEqual([]);
    a.drop(1);
    expect(a.beat(shards, 4000)).toEqual([0]);
    expect(b.beat(shards, 5000)).toEqual([1]);
  });

  it('count what was handed out as held before it is reported', () => {
    const group = groupOf();
    const shards = open(0, 1);
    // The answer of the first heartbeat is on its way; its consumer may start reading at any moment.
    expect(group.heartbeat({ consumer: 'a', held: [], nowMs: 0 }, shards)).toEqual([0, 1]);
    expect(group.heartbeat({ consumer: 'b', held: [], nowMs: 1 }, shards)).toEqual([]);
    // It was lost: the next report lacks the shards, and they are free.
    expect(group.heartbeat({ consumer: 'a', held: [], nowMs: 2 }, shards)).toEqual([0]);
    expect(group.heartbeat({ consumer: 'b', held: [], nowMs: 3 }, shards)).toEqual([1]);
  });

  it('take the shards from a consumer that is silent for longer than the timeout', () => {
    const group = groupOf({ timeout: 30 });
    const [a, b] = [consumer(group, 'a'), consumer(group, 'b')];
    const shards = open(0);
    expect(a.beat(shards, 0)).toEqual([0]);
    expect(b.beat(shards, 30_000)).toEqual([]);
    expect(b.beat(shards, 30_001)).toEqual([0]);
    // It comes back, still reading: it is told to stop, and the new owner keeps the shard.
    expect(a.beat(shards, 31_000)).toEqual([]);
    expect(b.beat(shards, 32_000)).toEqual([0]);
  });

  it('leave shards to their readers after a restart of the server', () => {
    const group = groupOf();
    const shards = open(0, 1, 2, 3);
    expect(group.heartbeat({ consumer: 'b', held: [0, 3], nowMs: 0 }, shards)).toContain(0);
    expect(group.heartbeat({ consumer: 'a', held: [1, 2], nowMs: 1 }, shards)).not.toContain(0);
  });

  it('never let two consumers have one shard, in any order of joining, dropping and dying', () => {
    const group = groupOf({ timeout: 10 });
    const shards = open(0, 1, 2, 3, 4, 5, 6);
    const names = ['a', 'b', 'c', 'd'];
    const given = new Map<string, number[]>();
    let nowMs = 0;
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 3000; round++) {
      nowMs += 100;
      const name = names[random(4)] ?? 'a';
      const before = given.get(name) ?? [];
      const kept = before.filter(() => random(5) > 0);
      const now = group.heartbeat({ consumer: name, held: kept, nowMs }, shards);
      given.set(name, [...new Set([...kept, ...now])]);
      const all = [...given.values()].flat();
      expect(new Set(all).size).toBe(all.length);
    }
  });
});

describe('shards that were split', () => {
  const children: ReadableShard[] = [
    { shard: 0, isReadonly: true, parents: [], begin: 0, end: 5 },
    { shard: 1, isReadonly: false, parents: [0], begin: 0, end: 2 },
    { shard: 2, isReadonly: false, parents: [0], begin: 0, end: 2 },
  ];
  const save = (group: ConsumerGroup, position: number): void =>
    group.saveCheckpoint({
      shard: 0,
      checkpoint: encodeCursor(position),
      consumer: 'a',
      isForced: false,
      nowMs: 0,
    });

  it('hold their children back, in order, until they are read to the end', () => {
    const group = groupOf({ order: true });
    const a = consumer(group, 'a');
    expect(a.beat(children, 0)).toEqual([0]);
    save(group, 4);
    expect(a.beat(children, 0)).toEqual([0]);
    save(group, 5);
    expect(a.beat(children, 0)).toEqual([1, 2]);
  });

  it('are read beside their children when order does not matter', () => {
    expect(consumer(groupOf(), 'a').beat(children, 0)).toEqual([0, 1, 2]);
  });

  it('hold nothing back when they never had a log, or none that is left', () => {
    const empty = children.map((shard) => (shard.shard === 0 ? { ...shard, begin: 5 } : shard));
    expect(consumer(groupOf({ order: true }), 'a').beat(empty, 0)).toEqual([1, 2]);
    const gone = children.filter((shard) => shard.shard !== 0);
    expect(consumer(groupOf({ order: true }), 'a').beat(gone, 0)).toEqual([1, 2]);
  });

  it('hold back grandchildren too', () => {
    const group = groupOf({ order: true });
    const family: ReadableShard[] = [
      { shard: 0, isReadonly: true, parents: [], begin: 0, end: 5 },
      { shard: 1, isReadonly: true, parents: [0], begin: 0, end: 2 },
      { shard: 2, isReadonly: false, parents: [0], begin: 0, end: 2 },
      { shard: 3, isReadonly: false, parents: [1, 2], begin: 0, end: 0 },
    ];
    const a = consumer(group, 'a');
    expect(a.beat(family, 0)).toEqual([0]);
    save(group, 5);
    expect(a.beat(family, 0)).toEqual([1, 2]);
  });
});

describe('checkpoints', () => {
  it('are taken from the consumer that reads the shard, from others only by force', () => {
    const group = groupOf();
    group.heartbeat({ consumer: 'a', held: [], nowMs: 0 }, open(0));
    group.heartbeat({ consumer: 'b', held: [], nowMs: 0 }, open(0));
    const checkpoint = encodeCursor(3);
    const save = (consumer: string, isForced: boolean): void =>
      group.saveCheckpoint({ shard: 0, checkpoint, consumer, isForced, nowMs: 1_000 });
    expect(() => save('x', false)).toThrow(expect.objectContaining({ errorCode: 'ConsumerNotExsit' }));
    expect(() => save('', false)).toThrow(expect.objectContaining({ errorCode: 'ConsumerNotExsit' }));
    expect(() => save('b', false)).toThrow(expect.objectContaining({ errorCode: 'ConsumerNotMatch' }));
    expect(group.checkpoint(0).checkpoint).toBe('');
    save('a', false);
    expect(group.checkpoint(0)).toEqual({ shard: 0, checkpoint, consumer: 'a', updateTime: 1_000_000 });
    save('x', true);
    expect(group.checkpoint(0).consumer).toBe('x');
  });

  it('are still taken from a consumer that has to give the shard up, so that nothing is read twice', () => {
    const group = groupOf();
    const shards = open(0, 1);
    group.heartbeat({ consumer: 'a', held: [], nowMs: 0 }, shards);
    group.heartbeat({ consumer: 'b', held: [], nowMs: 0 }, shards);
    expect(group.heartbeat({ consumer: 'a', held: [0, 1], nowMs: 0 }, shards)).toEqual([0]);
    group.saveCheckpoint({ shard: 1, checkpoint: encodeCursor(1), consumer: 'a', isForced: false, nowMs: 0 });
    expect(group.checkpoint(1).consumer).toBe('a');
  });
});
