import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { slsErrors } from '@sampan/sls-wire';
import { removeExpiredSegments } from './expired-segments.ts';
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
  /** The last segment and how much of it is durable; absent before the first record. */
  readonly last: { readonly first: number; readonly bytes: number } | undefined;
  /** True while a batch is open: one more record in it costs no sync of its own. */
  readonly isGathering: boolean;
  /** Resolves with the record's position once it is durable; rejects when it certainly is not there. */
  append(record: NewRecord): Promise<number>;
  /** Resolves when every append begun so far has been answered. */
  settled(): Promise<void>;
  /** Removes whole segments whose records all came before a time; resolves with how many. Appends wait meanwhile. */
  expire(beforeMs: number): Promise<number>;
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

/** How long, and up to what size, a batch may wait for more. */
const gatherMsMax = 4;
const gatherBytesMax = 1024 * 1024;

interface Pending extends NewRecord {
  resolve(position: number): void;
  reject(error: unknown): void;
}

interface Batch {
  readonly records: readonly Pending[];
  readonly bytes: number;
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
  return new GroupCommitWriter(options);
}

class GroupCommitWriter implements ShardWriter {
  readonly #directory: string;
  readonly #files: SegmentFiles;
  readonly #segmentBytesMax: number;
  readonly #pendingBytesMax: number;
  #end: number;
  /** When the newest record came; 0 when that is not known. */
  #newestMs: number;
  /** The segment being written. */
  #segment: Segment | undefined;
  /** The segment to reopen before the next write, with its durable length. */
  #resume: { readonly first: number; readonly bytes: number } | undefined;
  /** The segment closed last, while the next one is being begun. */
  #closed: { readonly first: number; readonly bytes: number } | undefined;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #scratch = Buffer.allocUnsafe(256 * 1024);

  constructor(options: ShardWriterOptions) {
    this.#directory = options.directory;
    this.#files = options.files ?? diskFiles;
    this.#segmentBytesMax = options.segmentBytesMax ?? 64 * 1024 * 1024;
    this.#pendingBytesMax = options.pendingBytesMax ?? 64 * 1024 * 1024;
    this.#end = options.recovered.end;
    this.#newestMs = options.recovered.newestMs;
    this.#resume = options.recovered.last;
  }

  get end(): number {
    return this.#end;
  }

  get last(): { readonly first: number; readonly bytes: number } | undefined {
    const last = this.#segment ?? this.#resume ?? this.#closed;
    return last === undefined ? undefined : { first: last.first, bytes: last.bytes };
  }

  get isGathering(): boolean {
    return this.#pending.length > 0;
  }

  append(record: NewRecord): Promise<number> {
    const bytes = recordHeadBytes + record.bytes.length;
    if (this.#isStopped || this.#pendingBytes + bytes > this.#pendingBytesMax) {
      return Promise.reject(slsErrors.serverBusy());
    }
    this.#pendingBytes += bytes;
    return new Promise<number>((resolve, reject) => {
      this.#pending.push({ receivedAtMs: record.receivedAtMs, bytes: record.bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async expire(beforeMs: number): Promise<number> {
    await this.settled();
    if (this.#isStopped) return 0;
    let removed = 0;
    const work = async (): Promise<void> => {
      try {
        removed = await this.#removeExpired(beforeMs);
      } finally {
        await this.#run();
      }
    };
    this.#running = work();
    await this.#running;
    return removed;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await this.#segment?.file.close();
    this.#segment = undefined;
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) {
      await this.#gather();
      await this.#commit(this.#takeBatch());
    }
    this.#running = undefined;
  }

  /**
   * Waits while every turn of the event loop brings more: a sync costs as much CPU as several requests. A lone
   * request waits one turn.
   */
  async #gather(): Promise<void> {
    const deadline = performance.now() + gatherMsMax;
    for (let seen = 0; seen < this.#pending.length && this.#pendingBytes < gatherBytesMax; ) {
      seen = this.#pending.length;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (performance.now() > deadline) return;
    }
  }

  #takeBatch(): Batch {
    let count = 0;
    let bytes = 0;
    for (const record of this.#pending) {
      const next = bytes + recordHeadBytes + record.bytes.length;
      if (count > 0 && next > batchBytesMax) break;
      bytes = next;
      count += 1;
    }
    const records = this.#pending.splice(0, count);
    this.#pendingBytes -= bytes;
    return { records, bytes };
  }

  async #commit(batch: Batch): Promise<void> {
    const bytes = this.#encode(batch);
    try {
      const target = await this.#segmentFor(bytes.length);
      await target.file.write(bytes, target.bytes);
      target.bytes += bytes.length;
    } catch (error) {
      await this.#giveUpSegment();
      for (const record of batch.records) record.reject(error);
      return;
    }
    let position = this.#end;
    this.#end += batch.records.length;
    this.#newestMs = batch.records.at(-1)?.receivedAtMs ?? this.#newestMs;
    for (const record of batch.records) record.resolve(position++);
    // One huge record must not keep its buffer for ever.
    if (this.#scratch.length > batchBytesMax) this.#scratch = Buffer.allocUnsafe(256 * 1024);
  }

  #encode(batch: Batch): Buffer {
    if (batch.bytes > this.#scratch.length) {
      this.#scratch = Buffer.allocUnsafe(Math.max(batch.bytes, this.#scratch.length * 2));
    }
    let at = 0;
    let position = this.#end;
    for (const { receivedAtMs, bytes } of batch.records) {
      at = writeRecord(this.#scratch, at, { position: position++, receivedAtMs, bytes });
    }
    return this.#scratch.subarray(0, at);
  }

  /** The segment that takes a batch of this size: the open one, the one to resume, or a new one. */
  async #segmentFor(batchBytes: number): Promise<Segment> {
    if (this.#segment === undefined && this.#resume !== undefined) {
      const { first, bytes } = this.#resume;
      const file = await this.#files.open(join(this.#directory, segmentFileName(first)));
      this.#segment = { file, first, bytes };
      // After a failed write there may be bytes behind the durable end; they must never look acknowledged.
      await file.truncate(bytes);
      this.#resume = undefined;
    }
    const open = this.#segment;
    if (open !== undefined && open.first < this.#end && open.bytes + batchBytes > this.#segmentBytesMax) {
      this.#closed = open;
      this.#segment = undefined;
      await open.file.close();
    }
    this.#segment ??= await this.#begin();
    return this.#segment;
  }

  async #begin(): Promise<Segment> {
    const first = this.#end;
    const path = join(this.#directory, segmentFileName(first));
    // A file of this name can only be the remains of a begin that failed: no record was ever put there.
    await rm(path, { force: true });
    const file = await this.#files.create(path);
    try {
      await file.write(encodeSegmentHead(first), 0);
      await this.#files.syncDirectory(this.#directory);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    return { file, first, bytes: segmentHeadBytes };
  }

  /** A segment whose last record has expired is closed, so that it can go like the ones before it. */
  async #removeExpired(beforeMs: number): Promise<number> {
    const newestMs = this.#newestMs;
    const last = this.#segment ?? this.#resume;
    if (last !== undefined && last.first < this.#end && newestMs < beforeMs) {
      await this.#segment?.file.close();
      this.#closed = last;
      this.#segment = undefined;
      this.#resume = undefined;
      this.#segment = await this.#begin();
    }
    return removeExpiredSegments(this.#directory, { beforeMs, newestMs });
  }

  async #giveUpSegment(): Promise<void> {
    const failed = this.#segment;
    this.#segment = undefined;
    if (failed === undefined) return;
    this.#resume = { first: failed.first, bytes: failed.bytes };
    await failed.file.close().catch(() => {});
  }
}
