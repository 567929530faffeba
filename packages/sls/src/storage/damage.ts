import { fstatSync, readSync } from 'node:fs';
import { checkRecord, payloadBytesMax, recordHeadBytes } from './segment-format.ts';

/** Positions that cannot be read, and where their bytes are. */
export interface Damage {
  readonly path: string;
  /** Offset of the first byte that is not a sound record. */
  readonly offset: number;
  /** The positions lost: `from <= position < to`. */
  readonly from: number;
  readonly to: number;
}

/** Called for each piece of damage that a reader passes over. */
export type OnDamage = (damage: Damage) => void;

/** Where a record begins. */
export interface RecordStart {
  readonly position: number;
  readonly offset: number;
}

/**
 * Finds where the log goes on behind bytes that should be the record `broken` and are not: first where its own
 * length points, then at every offset. `undefined` when nothing sound follows, as behind a torn tail.
 */
export function findNextRecord(fd: number, broken: RecordStart): RecordStart | undefined {
  const bytes = readRest(fd, broken.offset);
  // A record of 24 bytes is the shortest, so this many positions could have stood here at most.
  const positionMax = broken.position + Math.floor(bytes.length / recordHeadBytes) + 1;
  const soundAt = (at: number): RecordStart | undefined => {
    if (at + recordHeadBytes > bytes.length || bytes.readUInt32LE(at) > payloadBytesMax) return undefined;
    const position = bytes.readUIntLE(at + 8, 6);
    if (position <= broken.position || position > positionMax) return undefined;
    if (checkRecord(bytes, at, position).kind !== 'record') return undefined;
    return { position, offset: broken.offset + at };
  };
  if (bytes.length < recordHeadBytes) return undefined;
  const expected = soundAt(recordHeadBytes + bytes.readUInt32LE(0));
  if (expected !== undefined) return expected;
  for (let at = 1; at + recordHeadBytes <= bytes.length; at++) {
    // Two bytes that are 0 in every head let most offsets pass without a closer look.
    if (bytes[at + 23] !== 0 || bytes[at + 22] !== 0) continue;
    const found = soundAt(at);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The rest of a segment: at most its full size, and only when something is wrong with it. */
function readRest(fd: number, offset: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.max(0, fstatSync(fd).size - offset));
  let filled = 0;
  while (filled < bytes.length) {
    const got = readSync(fd, bytes, filled, bytes.length - filled, offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

/** Reports each piece of damage once, however often it is read. */
export function createDamageReporter(report: OnDamage): OnDamage {
  const reported = new Set<string>();
  return (damage) => {
    const name = `${damage.path}:${damage.offset}`;
    if (reported.has(name) || reported.size >= reportedMax) return;
    reported.add(name);
    report(damage);
  };
}

const reportedMax = 1000;
