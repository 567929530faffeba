import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@sampan/base';
import { slsEmulatorErrors } from '../errors.ts';
import { findNextRecord, type OnDamage } from './damage.ts';
import {
  checkRecord,
  parseSegmentFileName,
  recordHeadBytes,
  segmentFileName,
  segmentHeadBytes,
} from './segment-format.ts';

/** One acknowledged log group. */
export interface SegmentRecord {
  /** Consecutive per shard, from 0; one per log group. */
  readonly position: number;
  /** When the server took it, milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  /** The uncompressed LogGroup protobuf. Valid until the generator is asked for the next record. */
  readonly bytes: Buffer;
}

/** Reads a shard's segments forward; remembers where it stands, so following a growing shard costs no search. */
export interface ShardReader {
  /**
   * Records with `from <= position < to`. Synchronous: meant for worker threads. Positions that are no longer held
   * are left out; so are damaged ones, which are reported. Throws `SLS_SEGMENT_CORRUPT` when a file cannot be read.
   */
  read(from: number, to: number): Generator<SegmentRecord, void, undefined>;
  close(): void;
}

const chunkBytes = 256 * 1024;

/** Where the reader stands: behind the record before `position`, in the segment that began at `first`. */
interface Place {
  readonly fd: number;
  readonly first: number;
  position: number;
  offset: number;
}

/** Opens no file until the first read. Safe beside a writer as long as `to` is an acknowledged end. */
export function createShardReader(shardDirectory: string, onDamage: OnDamage = () => {}): ShardReader {
  return new SegmentReader(shardDirectory, onDamage);
}

class SegmentReader implements ShardReader {
  readonly #directory: string;
  readonly #onDamage: OnDamage;
  #place: Place | undefined;

  constructor(shardDirectory: string, onDamage: OnDamage) {
    this.#directory = shardDirectory;
    this.#onDamage = onDamage;
  }

  close(): void {
    if (this.#place !== undefined) closeSync(this.#place.fd);
    this.#place = undefined;
  }

  *read(from: number, to: number): Generator<SegmentRecord, void, undefined> {
    if (from >= to) return;
    // Following on is the common case. Anything else starts at the head of a segment and passes over records.
    let here = this.#place?.position === from ? this.#place : this.#openHolding(from);
    // Bytes read ahead are dropped at the end of every call: behind the acknowledged end they may still change.
    let chunk: Buffer = Buffer.alloc(0);
    let at = 0;
    while (here !== undefined && here.position < to) {
      const check = checkRecord(chunk, at, here.position);
      if (check.kind === 'record') {
        const record = recordAt(chunk, at, check.end);
        here.offset += check.end - at;
        here.position += 1;
        at = check.end;
        if (record.position >= from) yield record;
        continue;
      }
      if (check.kind === 'short') {
        chunk = readChunk(here, Math.max(chunkBytes, check.bytesNeeded));
        at = 0;
        if (chunk.length >= check.bytesNeeded) continue;
      }
      here = this.#goOn(here, to, chunk.length - at);
      chunk = Buffer.alloc(0);
      at = 0;
    }
  }

  #open(first: number): Place {
    this.close();
    const path = join(this.#directory, segmentFileName(first));
    try {
      this.#place = { fd: openSync(path, 'r'), first, position: first, offset: segmentHeadBytes };
    } catch (error) {
      throw slsEmulatorErrors.create('SLS_SEGMENT_CORRUPT', {
        message: `segment ${path} cannot be read: ${messageOf(error)}`,
        hint: 'restore the data directory from a copy, or delete the logstore',
        cause: error,
      });
    }
    return this.#place;
  }

  #openHolding(position: number): Place | undefined {
    const { holding, next } = segmentsAround(this.#directory, position);
    const first = holding ?? next;
    return first === undefined ? undefined : this.#open(first);
  }

  /** Where to read on behind the last sound record before damage, or at the end of a segment. */
  #goOn(here: Place, to: number, bytesLeft: number): Place | undefined {
    const path = join(this.#directory, segmentFileName(here.first));
    const { position: from, offset } = here;
    const sound = bytesLeft === 0 ? undefined : findNextRecord(here.fd, here);
    if (sound !== undefined && sound.position < to) {
      this.#onDamage({ path, offset, from, to: sound.position });
      here.position = sound.position;
      here.offset = sound.offset;
      return here;
    }
    const { holding, next } = segmentsAround(this.#directory, from);
    if (holding !== undefined && holding > here.first) return this.#open(holding);
    this.#onDamage({ path, offset, from, to: Math.min(next ?? to, to) });
    if (next !== undefined && next < to) return this.#open(next);
    // Nothing of the range is left; whatever is asked for next starts with a search.
    this.close();
    return undefined;
  }
}

/** One pass over a range of a shard with a reader of its own. */
export function* readRecords(
  shardDirectory: string,
  from: number,
  to: number,
): Generator<SegmentRecord, void, undefined> {
  const reader = createShardReader(shardDirectory);
  try {
    yield* reader.read(from, to);
  } finally {
    reader.close();
  }
}

function recordAt(chunk: Buffer, at: number, end: number): SegmentRecord {
  return {
    position: chunk.readUIntLE(at + 8, 6),
    receivedAtMs: chunk.readUIntLE(at + 16, 6),
    bytes: chunk.subarray(at + recordHeadBytes, end),
  };
}

function readChunk(place: Place, bytes: number): Buffer {
  const chunk = Buffer.allocUnsafe(bytes);
  let filled = 0;
  while (filled < bytes) {
    const got = readSync(place.fd, chunk, filled, bytes - filled, place.offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return chunk.subarray(0, filled);
}

/** First positions of the segment that holds a position and of the one behind it. */
function segmentsAround(
  shardDirectory: string,
  position: number,
): { holding: number | undefined; next: number | undefined } {
  let holding: number | undefined;
  let next: number | undefined;
  for (const name of readdirSync(shardDirectory)) {
    const first = parseSegmentFileName(name);
    if (first === undefined) continue;
    if (first <= position) holding = Math.max(first, holding ?? 0);
    else next = Math.min(first, next ?? first);
  }
  return { holding, next };
}
