import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { slsErrors } from '@sampan/sls-wire';
import { diskFiles, type SegmentFile, type SegmentFiles } from './segment-files.ts';
import {
  encodeSegmentHead,
  recordHeadBytes,
  segmentFileName,
  segmentHeadBytes,
  writeRecord,
} from './segment-format.ts';
import type { RecoveredShard } from './segment-recovery.ts';

/** A log group on its way to a shard. */
export interface NewRecord {
  readonly receivedAtMs: number;
  readonly bytes: Uint8Array;
}

/** The only writer of a shard's folder. */
export interface ShardWriter {
  /** Position of the next record; everything below is durable. */
  readonly end: number;
  /** Resolves with the record's position once it is durable; rejects when it certainly is not there. */
  append(record: NewRecord): Promise<number>;
  /** Waits for what is under way and closes the file. */
  stop(): Promise<void>;
}

export interface ShardWriterOptions {
  readonly directory: string;
  readonly recovered: RecoveredShard;
  /** A segment is closed when it has grown to this size; default 64 MB. */
  readonly segmentBytesMax?: number;
  /** What may wait for the disk before more is refused with `ServerBusy`; default 64 MB. */
  readonly pendingBytesMax?: number;
  readonly files?: SegmentFiles;
}

/** One write stays below this, unless a single record is larger. */
const batchBytesMax = 8 * 1024 * 1024;

interface Pending extends NewRecord {
  resolve(position: number): void;
  reject(error: unknown): void;
}

interface Segment {
  readonly file: SegmentFile;
  readonly first: number;
  /** Bytes known to be durable. */
  bytes: number;
}

/**
 * Group commit: whatever arrives while one batch is being synced goes into the next one, so many appends share
 * one write and one sync. After a disk error the batch is refused, the segment is cut back to its durable
 * length before the next write, and the shard goes on as soon as the disk lets it.
 */
export function createShardWriter(options: ShardWriterOptions): ShardWriter {
  const { directory, recovered } = options;
  const files = options.files ?? diskFiles;
  const segmentBytesMax = options.segmentBytesMax ?? 64 * 1024 * 1024;
  const pendingBytesMax = options.pendingBytesMax ?? 64 * 1024 * 1024;

  let end = recovered.end;
  let segment: Segment | undefined;
  /** The segment to reopen before the next write, with its durable length. */
  let resume = recovered.last;
  let pending: Pending[] = [];
  let pendingBytes = 0;
  let running: Promise<void> | undefined;
  let isStopped = false;
  let scratch = Buffer.allocUnsafe(256 * 1024);

  function takeBatch(): { records: Pending[]; bytes: number } {
    let count = 0;
    let bytes = 0;
    for (const record of pending) {
      const next = bytes + recordHeadBytes + record.bytes.length;
      if (count > 0 && next > batchBytesMax) break;
      bytes = next;
      count += 1;
    }
    const records = count === pending.length ? pending : pending.slice(0, count);
    pending = count === pending.length ? [] : pending.slice(count);
    pendingBytes -= bytes;
    return { records, bytes };
  }

  function encodeBatch(batch: { records: readonly Pending[]; bytes: number }): Buffer {
    if (batch.bytes > scratch.length) scratch = Buffer.allocUnsafe(Math.max(batch.bytes, scratch.length * 2));
    let at = 0;
    let position = end;
    for (const { receivedAtMs, bytes } of batch.records) {
      at = writeRecord(scratch, at, { position: position++, receivedAtMs, bytes });
    }
    return scratch.subarray(0, at);
  }

  async function begin(): Promise<Segment> {
    const path = join(directory, segmentFileName(end));
    // A file of this name can only be the remains of a begin that failed: no record was ever put there.
    await rm(path, { force: true });
    const file = await files.create(path);
    try {
      await file.write(encodeSegmentHead(end), 0);
      await file.sync();
      await files.syncDirectory(directory);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    return { file, first: end, bytes: segmentHeadBytes };
  }

  /** The segment that takes a batch of this size: the open one, the one to resume, or a new one. */
  async function segmentFor(batchBytes: number): Promise<Segment> {
    if (segment === undefined && resume !== undefined) {
      const file = await files.open(join(directory, segmentFileName(resume.first)));
      segment = { file, ...resume };
      // After a failed write there may be bytes behind the durable end; they must never look acknowledged.
      await file.truncate(resume.bytes);
      resume = undefined;
    }
    if (segment !== undefined && segment.first < end && segment.bytes + batchBytes > segmentBytesMax) {
      const full = segment;
      segment = undefined;
      await full.file.close();
    }
    segment ??= await begin();
    return segment;
  }

  async function giveUpSegment(): Promise<void> {
    const failed = segment;
    segment = undefined;
    if (failed === undefined) return;
    resume = { first: failed.first, bytes: failed.bytes };
    await failed.file.close().catch(() => {});
  }

  async function commit(batch: { records: Pending[]; bytes: number }): Promise<void> {
    const bytes = encodeBatch(batch);
    try {
      const target = await segmentFor(bytes.length);
      await target.file.write(bytes, target.bytes);
      await target.file.sync();
      target.bytes += bytes.length;
    } catch (error) {
      await giveUpSegment();
      for (const record of batch.records) record.reject(error);
      return;
    }
    const first = end;
    end += batch.records.length;
    batch.records.forEach((record, index) => void record.resolve(first + index));
    if (scratch.length > batchBytesMax) scratch = Buffer.allocUnsafe(batchBytesMax);
  }

  async function run(): Promise<void> {
    // Requests that are already in the socket buffers get into the first batch as well.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (pending.length > 0) await commit(takeBatch());
    running = undefined;
  }

  return {
    get end() {
      return end;
    },
    append(record) {
      const bytes = recordHeadBytes + record.bytes.length;
      if (isStopped || pendingBytes + bytes > pendingBytesMax) return Promise.reject(slsErrors.serverBusy());
      pendingBytes += bytes;
      return new Promise<number>((resolve, reject) => {
        pending.push({ receivedAtMs: record.receivedAtMs, bytes: record.bytes, resolve, reject });
        running ??= run();
      });
    },
    async stop() {
      isStopped = true;
      await running;
      await segment?.file.close();
      segment = undefined;
    },
  };
}
