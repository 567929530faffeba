import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '@sampan/base';
import { findNextRecord, type OnDamage } from './damage.ts';
import {
  checkRecord,
  parseSegmentFileName,
  recordHeadBytes,
  segmentFileName,
  segmentHeadBytes,
} from './segment-format.ts';
import { SegmentOffsets } from './segment-offsets.ts';
import type { SegmentRecord } from './segment-reader.ts';
import type { ShardEnd } from './store.ts';

/** A range of a shard with bounds on the answer. */
export interface RecordRange {
  readonly from: number;
  /** Exclusive; never read past the acknowledged end. */
  readonly to?: number;
  readonly recordsMax: number;
  /** Reading stops behind the record that exceeds this. */
  readonly bytesMax: number;
}

/** Reads anywhere in a shard without passing over what stands before. Never reads past the acknowledged end. */
export interface RecordFinder {
  /** The first position still held; the end when there is none. */
  begin(shard: ShardEnd): Promise<number>;
  /** Records in order, from the first one held at or behind `from`. */
  read(shard: ShardEnd, range: RecordRange): Promise<SegmentRecord[]>;
  /** The first position received at or after a time; the end when there is none. */
  positionAt(shard: ShardEnd, timeMs: number): Promise<number>;
}

/** Segments of 64 MB have at most a thousand places each, so 256 of them are some 20 MB. */
const segmentsMaxDefault = 256;
const chunkBytes = 256 * 1024;

/** Positions that are no longer held or damaged are left out; damage is reported. */
export function createRecordFinder(
  options: { readonly segmentsMax?: number; readonly onDamage?: OnDamage } = {},
): RecordFinder {
  return new Finder(options.segmentsMax ?? segmentsMaxDefault, options.onDamage ?? (() => {}));
}

class Finder implements RecordFinder {
  readonly #segmentsMax: number;
  /** By path, the least recently used first. */
  readonly #offsets = new Map<string, SegmentOffsets>();

  readonly #onDamage: OnDamage;

  constructor(segmentsMax: number, onDamage: OnDamage) {
    this.#segmentsMax = segmentsMax;
    this.#onDamage = onDamage;
  }

  async begin(shard: ShardEnd): Promise<number> {
    const first = (await segmentsOf(shard))[0];
    return Math.min(first ?? shard.end, shard.end);
  }

  async read(shard: ShardEnd, range: RecordRange): Promise<SegmentRecord[]> {
    const segments = await segmentsOf(shard);
    const to = Math.min(range.to ?? shard.end, shard.end);
    const records: SegmentRecord[] = [];
    let position = Math.max(range.from, segments[0] ?? shard.end);
    let bytes = 0;
    for (let index = holding(segments, position); index < segments.length && position < to; index++) {
      const first = segments[index] ?? 0;
      await using segment = await this.#open(shard, first);
      for await (const record of this.#recordsOf(segment, position, to)) {
        records.push(record);
        position = record.position + 1;
        bytes += record.bytes.length;
        if (records.length >= range.recordsMax || bytes >= range.bytesMax) return records;
      }
      // What is missing at the end of a segment has been reported; the next one goes on behind it.
      position = Math.max(position, segments[index + 1] ?? to);
    }
    return records;
  }

  async positionAt(shard: ShardEnd, timeMs: number): Promise<number> {
    const segments = await segmentsOf(shard);
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      await using segment = await this.#open(shard, segments[middle] ?? 0);
      const receivedAtMs = await receivedAtOf(segment.file, segmentHeadBytes);
      if (receivedAtMs !== undefined && receivedAtMs < timeMs) low = middle + 1;
      else high = middle;
    }
    const first = segments[low - 1];
    if (first === undefined) return Math.min(segments[0] ?? shard.end, shard.end);
    const next = Math.min(segments[low] ?? shard.end, shard.end);
    await using segment = await this.#open(shard, first);
    await segment.offsets.growTo(segment.file, next);
    const start = segment.offsets.receivedBefore(timeMs);
    for await (const record of this.#recordsOf(segment, start.position, next)) {
      if (record.receivedAtMs >= timeMs) return record.position;
    }
    return next;
  }

  /** The records of one segment from a position on; ends with the segment or before `to`. */
  async *#recordsOf(
    segment: OpenSegment,
    from: number,
    to: number,
  ): AsyncGenerator<SegmentRecord, void, undefined> {
    const { file, offsets, path } = segment;
    await offsets.growTo(file, from);
    let { position, offset } = offsets.before(from);
    let chunk: Buffer = Buffer.alloc(0);
    let at = 0;
    while (position < to) {
      const check = checkRecord(chunk, at, position);
      if (check.kind === 'record') {
        const receivedAtMs = chunk.readUIntLE(at + 16, 6);
        const bytes = chunk.subarray(at + recordHeadBytes, check.end);
        offsets.note({ position, offset, receivedAtMs }, offset + check.end - at);
        const record = { position, receivedAtMs, bytes };
        offset += check.end - at;
        position += 1;
        at = check.end;
        if (record.position >= from) yield record;
        continue;
      }
      if (check.kind === 'short') {
        chunk = await readChunk(file, offset, Math.max(chunkBytes, check.bytesNeeded));
        at = 0;
        if (chunk.length >= check.bytesNeeded) continue;
        if (chunk.length === 0) return;
      }
      const sound = findNextRecord(file.fd, { position, offset });
      this.#onDamage({ path, offset, from: position, to: Math.min(sound?.position ?? to, to) });
      if (sound === undefined) return;
      ({ position, offset } = sound);
      chunk = Buffer.alloc(0);
      at = 0;
    }
  }

  async #open(shard: ShardEnd, first: number): Promise<OpenSegment> {
    const path = join(shard.directory, segmentFileName(first));
    const file = await open(path, 'r');
    const offsets = this.#offsets.get(path) ?? new SegmentOffsets(first);
    this.#offsets.delete(path);
    this.#offsets.set(path, offsets);
    for (const oldest of this.#offsets.keys()) {
      if (this.#offsets.size <= this.#segmentsMax) break;
      this.#offsets.delete(oldest);
    }
    return { path, file, offsets, [Symbol.asyncDispose]: () => file.close() };
  }
}

interface OpenSegment extends AsyncDisposable {
  readonly path: string;
  readonly file: FileHandle;
  readonly offsets: SegmentOffsets;
}

/** First positions of the segments that hold acknowledged records, in order. */
async function segmentsOf(shard: ShardEnd): Promise<number[]> {
  try {
    return (await readdir(shard.directory))
      .map(parseSegmentFileName)
      .filter((first) => first !== undefined)
      .filter((first) => first < shard.end)
      .sort((a, b) => a - b);
  } catch (error) {
    // The logstore or shard was deleted meanwhile.
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Index of the segment that holds a position. */
function holding(segments: readonly number[], position: number): number {
  const behind = segments.findIndex((first) => first > position);
  return (behind < 0 ? segments.length : behind) - 1;
}

async function receivedAtOf(file: FileHandle, offset: number): Promise<number | undefined> {
  const head = Buffer.alloc(recordHeadBytes);
  const { bytesRead } = await file.read(head, 0, recordHeadBytes, offset);
  return bytesRead < recordHeadBytes ? undefined : head.readUIntLE(16, 6);
}

async function readChunk(file: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const chunk = Buffer.allocUnsafeSlow(bytes);
  const { bytesRead } = await file.read(chunk, 0, bytes, offset);
  return chunk.subarray(0, bytesRead);
}
