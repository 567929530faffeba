import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '@sampan/base';
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
  let place: Place | undefined;

  function close(): void {
    if (place !== undefined) closeSync(place.fd);
    place = undefined;
  }

  function open(first: number): Place {
    close();
    const path = join(shardDirectory, segmentFileName(first));
    try {
      place = { fd: openSync(path, 'r'), first, position: first, offset: segmentHeadBytes };
    } catch (error) {
      const reason = systemCodeOf(error) === 'ENOENT' ? 'the file is missing' : messageOf(error);
      throw slsEmulatorErrors.create('SLS_SEGMENT_CORRUPT', {
        message: `segment ${path} cannot be read: ${reason}`,
        hint: 'restore the data directory from a copy, or delete the logstore',
        cause: error,
      });
    }
    return place;
  }

  function* read(from: number, to: number): Generator<SegmentRecord, void, undefined> {
    if (from >= to) return;
    // Following on is the common case. Anything else starts at the head of a segment and passes over records.
    let here = place?.position === from ? place : openHolding(from);
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
      here = here.position < to ? goOn(here, to, chunk.length - at) : here;
      chunk = Buffer.alloc(0);
      at = 0;
    }
  }

  function openHolding(position: number): Place | undefined {
    const { holding, next } = segmentsAround(shardDirectory, position);
    const first = holding ?? next;
    return first === undefined ? undefined : open(first);
  }

  /** Behind the last sound record before damage, or at the end of a segment. */
  function goOn(here: Place, to: number, bytesLeft: number): Place | undefined {
    const path = join(shardDirectory, segmentFileName(here.first));
    const { position: from, offset } = here;
    const sound = bytesLeft === 0 ? undefined : findNextRecord(here.fd, here);
    if (sound !== undefined && sound.position < to) {
      onDamage({ path, offset, from, to: sound.position });
      here.position = sound.position;
      here.offset = sound.offset;
      return here;
    }
    const { holding, next } = segmentsAround(shardDirectory, from);
    if (holding !== undefined && holding > here.first) return open(holding);
    const end = Math.min(next ?? to, to);
    onDamage({ path, offset, from, to: end });
    if (next === undefined || next >= to) {
      // Nothing of the range is left; whatever is asked for next starts with a search.
      close();
      return undefined;
    }
    return open(next);
  }

  return { read, close };
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
