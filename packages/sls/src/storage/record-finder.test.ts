import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '@sampan/base';
import { createRandom, createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { createRecordFinder } from './record-finder.ts';
import { segmentFileName } from './segment-format.ts';
import { createSegmentStorage, type LogStorage, type ShardEnd } from './store.ts';

interface Filled extends AsyncDisposable {
  readonly storage: LogStorage;
  shard(): ShardEnd;
  append(receivedAtMs: number, bytes: Uint8Array): Promise<void>;
}

async function startShard(segmentBytesMax: number): Promise<Filled> {
  const folder = await createTemporaryFolder();
  const storage = createSegmentStorage({ directory: folder.path, log: silentLog, segmentBytesMax });
  await storage.open('aa', [0]);
  return {
    storage,
    shard: () => storage.shards('aa')[0] ?? { shard: 0, directory: '', end: 0 },
    append: async (receivedAtMs, bytes) => void (await storage.append('aa', 0, { receivedAtMs, bytes })),
    [Symbol.asyncDispose]: async () => {
      await storage.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const all = { recordsMax: 1_000_000, bytesMax: Number.MAX_SAFE_INTEGER };

describe('a record', () => {
  it('is found at any position of many segments, also after more was appended', async () => {
    await using filled = await startShard(300_000);
    const finder = createRecordFinder({ segmentsMax: 2 });
    const random = createRandom(4);
    const expected: { receivedAtMs: number; bytes: Buffer }[] = [];
    for (let round = 0; round < 4; round++) {
      const fresh = Array.from({ length: 400 }, (_, index) => ({
        receivedAtMs: 1_000_000 + (expected.length + index) * 10,
        bytes: Buffer.from(random.bytes(random.integer(index % 50 === 0 ? 120_000 : 3000))),
      }));
      expected.push(...fresh);
      await Promise.all(fresh.map((one) => filled.append(one.receivedAtMs, one.bytes)));
      const shard = filled.shard();
      expect(shard.end).toBe(expected.length);
      for (let probe = 0; probe < 60; probe++) {
        const from = random.integer(expected.length);
        const records = await finder.read(shard, { from, recordsMax: 3, bytesMax: 1e9 });
        const wanted = expected.slice(from, from + 3);
        expect(records.map((one) => one.position)).toEqual(wanted.map((_, index) => from + index));
        expect(records.map((one) => one.bytes)).toEqual(wanted.map((one) => one.bytes));
        expect(records.map((one) => one.receivedAtMs)).toEqual(wanted.map((one) => one.receivedAtMs));
        const time = 1_000_000 + from * 10;
        expect(await finder.positionAt(shard, time)).toBe(from);
        expect(await finder.positionAt(shard, time - 5)).toBe(from);
      }
    }
    const shard = filled.shard();
    expect(await finder.positionAt(shard, 0)).toBe(0);
    expect(await finder.positionAt(shard, 9e12)).toBe(shard.end);
    expect(await finder.read(shard, { from: 0, ...all })).toHaveLength(expected.length);
  });

  it('is one of several received at once: the first of them is found', async () => {
    await using filled = await startShard(2_000);
    for (const time of [5, 5, 7, 7, 7, 7, 7, 7, 9]) await filled.append(time, Buffer.alloc(900));
    const finder = createRecordFinder();
    expect(await finder.positionAt(filled.shard(), 7)).toBe(2);
    expect(await finder.positionAt(filled.shard(), 8)).toBe(8);
    expect(await finder.positionAt(filled.shard(), 5)).toBe(0);
  });
});

describe('a range', () => {
  it('stops at its bounds, and holds at least one record however large', async () => {
    await using filled = await startShard(1_000_000);
    for (let index = 0; index < 10; index++) await filled.append(index, Buffer.alloc(1000, index));
    const finder = createRecordFinder();
    const shard = filled.shard();
    const positions = async (range: Partial<Parameters<typeof finder.read>[1]>): Promise<number[]> =>
      (await finder.read(shard, { from: 0, ...all, ...range })).map((record) => record.position);
    expect(await positions({ recordsMax: 3 })).toEqual([0, 1, 2]);
    expect(await positions({ bytesMax: 1 })).toEqual([0]);
    expect(await positions({ bytesMax: 2500 })).toEqual([0, 1, 2]);
    expect(await positions({ from: 7, to: 9 })).toEqual([7, 8]);
    expect(await positions({ from: 10 })).toEqual([]);
    expect(await positions({ from: 4, to: 2 })).toEqual([]);
    // A cursor of the one before the first is as good as the first.
    expect(await positions({ from: -1, recordsMax: 1 })).toEqual([0]);
  });

  it('never reaches past the acknowledged end', async () => {
    await using filled = await startShard(1_000_000);
    await filled.append(1, Buffer.from('a'));
    const before = filled.shard();
    await filled.append(2, Buffer.from('b'));
    const finder = createRecordFinder();
    expect(await finder.read(before, { from: 0, ...all })).toHaveLength(1);
    expect(await finder.positionAt(before, 2)).toBe(1);
    expect(await finder.read(filled.shard(), { from: 0, ...all })).toHaveLength(2);
  });

  it('begins with what is left when older segments were removed', async () => {
    await using filled = await startShard(2_000);
    for (let index = 0; index < 6; index++) await filled.append(index, Buffer.alloc(900));
    const finder = createRecordFinder();
    const shard = filled.shard();
    expect(await finder.begin(shard)).toBe(0);
    await rm(join(shard.directory, segmentFileName(0)));
    const begin = await finder.begin(shard);
    expect(begin).toBeGreaterThan(0);
    expect((await finder.read(shard, { from: 0, ...all }))[0]?.position).toBe(begin);
    expect(await finder.positionAt(shard, 0)).toBe(begin);
  });

  it('is empty in a shard that has nothing', async () => {
    await using filled = await startShard(2_000);
    const finder = createRecordFinder();
    expect(await finder.begin(filled.shard())).toBe(0);
    expect(await finder.positionAt(filled.shard(), 5)).toBe(0);
    expect(await finder.read(filled.shard(), { from: 0, ...all })).toEqual([]);
  });
});
