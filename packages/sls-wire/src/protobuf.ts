/** Thrown by the codec on malformed input; callers at the edge turn it into the vendor's sentence. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** Wire types of the protocol buffer encoding (protobuf.dev/programming-guides/encoding). */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** Nested groups have not been written by any producer for a decade; the bound only stops hostile input. */
const groupDepthMax = 16;

/** Reads protocol buffer primitives from a window of a buffer; never past `end`. */
export class ProtobufReader {
  readonly buffer: Buffer;
  at: number;
  end: number;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.end = this.buffer.length;
  }

  /** The low 32 bits of a varint of up to ten bytes, unsigned. */
  uint32(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new ProtobufError('varint is longer than ten bytes');
  }

  /** A length prefix, checked against what is left. Lengths of 4 GiB and more never fit. */
  length(): number {
    let value = this.byte();
    if (value >= 0x80) {
      value &= 0x7f;
      let scale = 128;
      for (let count = 1; ; count++) {
        if (count === 10) throw new ProtobufError('varint is longer than ten bytes');
        const byte = this.byte();
        value += (byte & 0x7f) * scale;
        scale *= 128;
        if (byte < 0x80) break;
      }
    }
    if (value > this.end - this.at) throw new ProtobufError('length reaches beyond the end');
    return value;
  }

  fixed32(): number {
    if (this.end - this.at < 4) throw new ProtobufError('input ends within a fixed32');
    const value = this.buffer.readUInt32LE(this.at);
    this.at += 4;
    return value;
  }

  /** Passes over the value of a field whose tag has just been read. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case wireTypes.varint:
        this.uint32();
        return;
      case wireTypes.fixed64:
        this.advance(8);
        return;
      case wireTypes.bytes:
        this.advance(this.length());
        return;
      case wireTypes.fixed32:
        this.advance(4);
        return;
      case wireTypes.groupStart:
        this.skipGroup(tag >>> 3, depth);
        return;
      default:
        throw new ProtobufError(`wire type ${tag & 7} is invalid here`);
    }
  }

  /** A field tag; field number 0 does not exist. */
  tag(): number {
    const tag = this.uint32();
    if (tag < 8) throw new ProtobufError('field number 0');
    return tag;
  }

  private skipGroup(field: number, depth: number): void {
    if (depth === groupDepthMax) throw new ProtobufError('groups are nested too deeply');
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) === wireTypes.groupEnd) {
        if (tag >>> 3 !== field) throw new ProtobufError('group ends with another field number');
        return;
      }
      this.skip(tag, depth + 1);
    }
  }

  private byte(): number {
    if (this.at >= this.end) throw new ProtobufError('input ends within a value');
    // The bound was checked on the line above.
    return this.buffer[this.at++] as number;
  }

  private advance(bytes: number): void {
    if (bytes > this.end - this.at) throw new ProtobufError('input ends within a value');
    this.at += bytes;
  }
}

/** Bytes that a varint of this unsigned 32-bit value takes. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes a varint and returns the offset behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 0x7f) {
    target[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[next++] = rest;
  return next;
}
