import { appendFile, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import type { Damage } from './damage.ts';
import { createRecordFinder } from './record-finder.ts';
import { diskFiles, type SegmentFile, type SegmentFiles } from './segment-files.ts';
import { createShardReader, readRecords } from './segment-reader.ts';
import { recoverShard } from './segment-recovery.ts';
import { createShardWriter, type ShardWriterOptions } from './shard-writer.ts';

type Options = Omit<ShardWriterOptions, 'directory' | 'recovered'>;

async function openShard(directory: string, options: Options = {}) {
  const recovered = await recoverShard(directory);
  const writer = createShardWriter({ directory, recovered, ...options });
  return { ...recovered, writer };
}

function record(text: string, receivedAtMs = 1_700_000_000_000) {
  return { receivedAtMs, bytes: Buffer.from(text) };
}

function texts(directory: string, from: number, to: number): string[] {
  return [...readRecords(directory, from, to)].map((one) => `${one.position} ${one.bytes.toString()}`);
}

/** Counts durable writes, and fails those that a test asks it to. */
function faultyFiles(): SegmentFiles & { writes: number; failures: ('none' | 'half' | 'all')[] } {
  const wrap = (file: SegmentFile): SegmentFile => ({
    ...file,
    async write(bytes, offset) {
      faulty.writes += 1;
      const failure = offset === 0 ? undefined : faulty.failures.shift();
      if (failure === undefined) return file.write(bytes, offset);
      if (failure === 'half') await file.write(bytes.subarray(0, bytes.length / 2), offset);
      if (failure === 'all') await file.write(bytes, offset);
      const isFull = failure !== 'all';
      const message = isFull ? 'no space left on device' : 'input/output error';
      throw Object.assign(new Error(message), { code: isFull ? 'ENOSPC' : 'EIO' });
    },
  });
  const faulty = {
    writes: 0,
    failures: [] as ('none' | 'half' | 'all')[],
    create: async (path: string) => wrap(await diskFiles.create(path)),
    open: async (path: string) => wrap(await diskFiles.open(path)),
    syncDirectory: diskFiles.syncDirectory,
  };
  return faulty;
}

describe('a shard', () => {
  it('numbers records from 0 and gives them back with the time they came', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path);
    expect(await writer.append(record('a', 1_700_000_000_001))).toBe(0);
    expect(await writer.append(record('b', 1_800_000_000_002))).toBe(1);
    expect(writer.end).toBe(2);
    await writer.stop();
    const read = [...readRecords(folder.path, 0, 2)];
    expect(read.map(({ position, receivedAtMs }) => [position, receivedAtMs])).toEqual([
      [0, 1_700_000_000_001],
      [1, 1_800_000_000_002],
    ]);
  });

  it('shares one durable write among appends that come together', async () => {
    await using folder = await createTemporaryFolder();
    const files = faultyFiles();
    const { writer } = await openShard(folder.path, { files });
    await writer.append(record('first'));
    files.writes = 0;
    const positions = await Promise.all(
      Array.from({ length: 500 }, (_, n) => writer.append(record(`r${n}`))),
    );
    expect(positions).toEqual(Array.from({ length: 500 }, (_, n) => n + 1));
    expect(files.writes).toBe(1);
    await writer.stop();
  });

  it('goes on where it stopped, across segments', async () => {
    await using folder = await createTemporaryFolder();
    for (let round = 0; round < 4; round++) {
      const { writer, end, tornBytes } = await openShard(folder.path, { segmentBytesMax: 200 });
      expect([end, tornBytes]).toEqual([round * 5, 0]);
      for (let n = 0; n < 5; n++) await writer.append(record(`${round}.${n} ${'x'.repeat(40)}`));
      await writer.stop();
    }
    expect((await readdir(folder.path)).length).toBeGreaterThan(4);
    expect(texts(folder.path, 7, 9)).toEqual([`7 1.2 ${'x'.repeat(40)}`, `8 1.3 ${'x'.repeat(40)}`]);
    expect(texts(folder.path, 0, 20)).toHaveLength(20);
  });

  it('takes records larger than a read chunk and larger than a write batch', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path);
    const sizes = [10, 300_000, 9_000_000, 0, 1_500_000];
    await Promise.all(
      sizes.map((size, n) => writer.append({ receivedAtMs: n, bytes: Buffer.alloc(size, n) })),
    );
    await writer.stop();
    expect([...readRecords(folder.path, 0, 5)].map((one) => one.bytes.length)).toEqual(sizes);
    expect((await recoverShard(folder.path)).end).toBe(5);
  });

  it('refuses more with ServerBusy when too much waits for the disk', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path, { pendingBytesMax: 100 });
    const first = writer.append(record('x'.repeat(60)));
    await expect(writer.append(record('x'.repeat(60)))).rejects.toMatchObject({ errorCode: 'ServerBusy' });
    await first;
    await writer.append(record('x'.repeat(60)));
    await writer.stop();
  });
});

describe('a reader', () => {
  it('follows a shard that grows and rolls, never past the end it is given', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path, { segmentBytesMax: 300 });
    const reader = createShardReader(folder.path);
    const seen: string[] = [];
    let from = 0;
    for (let n = 0; n < 30; n++) {
      await writer.append(record(`record ${n}`));
      if (n % 3 !== 2) continue;
      const to = writer.end - 1;
      for (const one of reader.read(from, to)) seen.push(one.bytes.toString());
      from = to;
    }
    reader.close();
    await writer.stop();
    expect(seen).toEqual(Array.from({ length: 29 }, (_, n) => `record ${n}`));
  });

  it('goes back when asked to', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path, { segmentBytesMax: 100 });
    for (let n = 0; n < 9; n++) await writer.append(record(`record ${n}`));
    await writer.stop();
    const reader = createShardReader(folder.path);
    for (const at of [8, 0, 4, 3, 5]) {
      expect([...reader.read(at, at + 1)].map((one) => one.bytes.toString())).toEqual([`record ${at}`]);
    }
    reader.close();
  });

  it.each([
    ['payload', 30],
    ['checksum', 5],
    ['length', 1],
    ['position', 9],
  ])('passes over a record whose %s has been flipped, reports it and goes on', async (_, offset) => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path);
    const starts: number[] = [];
    const path = join(folder.path, '0000000000000000.seg');
    for (const text of ['first one', 'flipped one', 'third one']) {
      starts.push(
        await stat(path).then(
          (file) => file.size,
          () => 16,
        ),
      );
      await writer.append(record(text));
    }
    await writer.stop();
    await flip(path, (starts[1] ?? 0) + offset);
    const damage: Damage[] = [];
    const reader = createShardReader(folder.path, (one) => damage.push(one));
    expect([...reader.read(0, 3)].map((one) => one.position)).toEqual([0, 2]);
    reader.close();
    expect(damage).toEqual([{ path, offset: starts[1], from: 1, to: 2 }]);

    const found = await createRecordFinder().read(
      { shard: 0, directory: folder.path, end: 3 },
      { from: 1, recordsMax: 10, bytesMax: 1000 },
    );
    expect(found.map((one) => [one.position, one.bytes.toString()])).toEqual([[2, 'third one']]);

    const recovered = await recoverShard(folder.path);
    expect([recovered.end, recovered.tornBytes, recovered.damaged]).toEqual([3, 0, damage]);
  });

  it('passes over a damaged last record and goes on with what is written behind it', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path, { segmentBytesMax: 60 });
    await writer.append(record('alone in its segment'));
    const damage: Damage[] = [];
    const reader = createShardReader(folder.path, (one) => damage.push(one));
    await flip(join(folder.path, '0000000000000000.seg'), 50);
    expect([...reader.read(0, 1)]).toEqual([]);
    await writer.append(record('behind it'));
    await writer.stop();
    expect([...reader.read(1, 2)].map((one) => one.bytes.toString())).toEqual(['behind it']);
    expect(texts(folder.path, 0, 2)).toEqual(['1 behind it']);
    reader.close();
    expect(damage).toMatchObject([{ from: 0, to: 1 }]);
  });

  it('passes over a segment that is gone', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path, { segmentBytesMax: 60 });
    for (let n = 0; n < 4; n++) await writer.append(record(`a long record ${n}`));
    await writer.stop();
    for (const n of [0, 2]) await rm(join(folder.path, `000000000000000${n}.seg`));
    expect(texts(folder.path, 0, 4)).toEqual(['1 a long record 1', '3 a long record 3']);
    expect(texts(folder.path, 2, 3)).toEqual([]);
  });
});

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
}

describe('recovery', () => {
  it('cuts a torn tail off at every length, reports it, and the shard goes on', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path);
    await writer.append(record('kept'));
    const path = join(folder.path, (await readdir(folder.path))[0] ?? '');
    const keptBytes = (await stat(path)).size;
    await writer.append(record('torn away'));
    await writer.stop();
    const whole = await readFile(path);
    for (let size = keptBytes; size < whole.length; size++) {
      await writeFile(path, whole.subarray(0, size));
      const { writer: again, end, tornBytes } = await openShard(folder.path);
      expect([end, tornBytes]).toEqual([1, size - keptBytes]);
      await again.append(record('after'));
      await again.stop();
      expect(texts(folder.path, 0, 2)).toEqual(['0 kept', '1 after']);
    }
  });

  it('keeps the records of a segment whose head has been changed', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path);
    await writer.append(record('kept'));
    await writer.stop();
    await flip(join(folder.path, '0000000000000000.seg'), 3);
    const recovered = await recoverShard(folder.path);
    expect([recovered.end, recovered.tornBytes]).toEqual([1, 0]);
    expect(texts(folder.path, 0, 1)).toEqual(['0 kept']);
  });

  it('drops a last segment whose head was never written', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path, { segmentBytesMax: 60 });
    await writer.append(record('in the first segment'));
    await writer.append(record('in the second segment'));
    await writer.stop();
    const [, second = ''] = (await readdir(folder.path)).sort();
    await truncate(join(folder.path, second), 7);
    const { writer: again, end, tornBytes } = await openShard(folder.path);
    expect([end, tornBytes]).toEqual([1, 7]);
    expect(await again.append(record('instead'))).toBe(1);
    await again.stop();
    expect(texts(folder.path, 0, 2)).toEqual(['0 in the first segment', '1 instead']);
  });

  it('takes garbage behind the last record for a torn tail', async () => {
    await using folder = await createTemporaryFolder();
    const { writer } = await openShard(folder.path);
    await writer.append(record('kept'));
    await writer.stop();
    const path = join(folder.path, (await readdir(folder.path))[0] ?? '');
    await appendFile(path, Buffer.alloc(3_000_000, 0xff));
    const recovered = await recoverShard(folder.path);
    expect([recovered.end, recovered.tornBytes]).toEqual([1, 3_000_000]);
    await using file = await open(path);
    expect((await file.stat()).size).toBe(recovered.last?.bytes);
  });
});

describe('a disk error', () => {
  it.each([['none'], ['half'], ['all']] as const)(
    'that leaves %s of a write behind is refused before anything is acknowledged, and the next append works',
    async (failure) => {
      await using folder = await createTemporaryFolder();
      const files = faultyFiles();
      const { writer } = await openShard(folder.path, { files });
      await writer.append(record('before'));
      files.failures = [failure, failure];
      const lost = [writer.append(record('lost a')), writer.append(record('lost b'))];
      for (const one of lost) await expect(one).rejects.toThrow(/no space|input\/output/);
      expect(writer.end).toBe(1);
      await expect(writer.append(record('lost c'))).rejects.toThrow(/no space|input\/output/);
      expect(await writer.append(record('after'))).toBe(1);
      await writer.stop();
      expect(texts(folder.path, 0, 2)).toEqual(['0 before', '1 after']);
      expect((await recoverShard(folder.path)).tornBytes).toBe(0);
    },
  );

  it('on the very first record leaves a shard that works', async () => {
    await using folder = await createTemporaryFolder();
    const files = faultyFiles();
    const { writer } = await openShard(folder.path, { files });
    files.failures = ['all'];
    await expect(writer.append(record('lost'))).rejects.toThrow('input/output error');
    expect(await writer.append(record('first'))).toBe(0);
    await writer.stop();
    expect(texts(folder.path, 0, 1)).toEqual(['0 first']);
  });
});
