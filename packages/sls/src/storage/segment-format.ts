import { crc32 } from 'node:zlib';

/**
 * A shard is a folder of segments. A segment begins with a 16-byte head (magic, position of its first record);
 * records follow, each with a 24-byte head in little-endian order:
 *
 *   0  u32  bytes of the payload
 *   4  u32  CRC-32 of everything behind this field, payload included
 *   8  u48  position
 *  14  u16  coding of the payload; 0 = as is
 *  16  u48  received at, milliseconds since the Unix epoch
 *  22  u16  unused, 0
 *
 * Only the last segment is ever written to. Records behind the acknowledged end may be half there.
 */
export const segmentHeadBytes = 16;
export const recordHeadBytes = 24;
/** The largest body the API takes is 10 MB; the rest is for tags that the server adds. */
export const payloadBytesMax = 16 * 1024 * 1024;

const magic = Buffer.from('SMPNSEG1', 'latin1');
const segmentName = /^(\d{16})\.seg$/;

/** File name of the segment that begins at `position`; names sort by position. */
export function segmentFileName(position: number): string {
  return `${String(position).padStart(16, '0')}.seg`;
}

/** Position of a segment's first record from its file name; `undefined` for any other file. */
export function parseSegmentFileName(name: string): number | undefined {
  const match = segmentName.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export function encodeSegmentHead(position: number): Buffer {
  const head = Buffer.alloc(segmentHeadBytes);
  magic.copy(head);
  head.writeUIntLE(position, 8, 6);
  return head;
}

export function isSegmentHead(bytes: Buffer, position: number): boolean {
  return (
    bytes.length >= segmentHeadBytes &&
    bytes.subarray(0, segmentHeadBytes).equals(encodeSegmentHead(position))
  );
}

/** Writes one record at `at` and returns the offset behind it. */
export function writeRecord(
  target: Buffer,
  at: number,
  record: { position: number; receivedAtMs: number; bytes: Uint8Array },
): number {
  const end = at + recordHeadBytes + record.bytes.length;
  target.writeUInt32LE(record.bytes.length, at);
  target.writeUIntLE(record.position, at + 8, 6);
  target.writeUInt16LE(0, at + 14);
  target.writeUIntLE(record.receivedAtMs, at + 16, 6);
  target.writeUInt16LE(0, at + 22);
  target.set(record.bytes, at + recordHeadBytes);
  target.writeUInt32LE(crc32(target.subarray(at + 8, end)), at + 4);
  return end;
}

/** What stands at an offset: a sound record, one whose rest is not in `bytes`, or something else. */
export type RecordCheck =
  | { readonly kind: 'record'; readonly end: number }
  | { readonly kind: 'short'; readonly bytesNeeded: number }
  | { readonly kind: 'broken' };

/** Checks the record at `at` of `bytes` against its checksum and the position it must have. */
export function checkRecord(bytes: Buffer, at: number, position: number): RecordCheck {
  const left = bytes.length - at;
  if (left < recordHeadBytes) return { kind: 'short', bytesNeeded: recordHeadBytes };
  const length = bytes.readUInt32LE(at);
  if (length > payloadBytesMax || bytes.readUIntLE(at + 8, 6) !== position) return { kind: 'broken' };
  const end = at + recordHeadBytes + length;
  if (end > bytes.length) return { kind: 'short', bytesNeeded: recordHeadBytes + length };
  if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) return { kind: 'broken' };
  return { kind: 'record', end };
}
