import { sqlstates, WireError } from './sqlstate.ts';

/** Reads the fields of one message; every read past the end is a protocol violation. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  int8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  /** A count, which the protocol stores signed but never negative. */
  count16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  bytes(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  /** Text that ends with a zero byte. */
  cstring(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1) throw new WireError(sqlstates.protocolViolation, 'invalid string in message');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** A length-prefixed value; a length of -1 is NULL. */
  value(): Buffer | null {
    const length = this.int32();
    return length === -1 ? null : this.bytes(length);
  }

  expectEnd(): void {
    if (this.remaining > 0) throw new WireError(sqlstates.protocolViolation, 'invalid message format');
  }

  #take(length: number): number {
    const start = this.#at;
    if (length < 0 || length > this.#bytes.length - start) {
      throw new WireError(sqlstates.protocolViolation, 'insufficient data left in message');
    }
    this.#at = start + length;
    return start;
  }
}

/** Builds one message: letter, length, fields. The length is filled in by `finish`. */
export class MessageWriter {
  #bytes: Buffer;
  #at: number;
  readonly #lengthAt: number;

  /** @param tag the message's letter, or `undefined` for a start-up packet, which has none */
  constructor(tag: number | undefined, sizeHint = 64) {
    this.#bytes = Buffer.allocUnsafe(Math.max(16, sizeHint));
    this.#lengthAt = tag === undefined ? 0 : 1;
    if (tag !== undefined) this.#bytes[0] = tag;
    this.#at = this.#lengthAt + 4;
  }

  int8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  int16(value: number): this {
    this.#reserve(2);
    this.#at = this.#bytes.writeUInt16BE(value & 0xffff, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#reserve(4);
    this.#at = this.#bytes.writeInt32BE(value | 0, this.#at);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** Text and its closing zero byte. A zero inside the text would end it early, so it is replaced. */
  cstring(text: string): this {
    const clean = text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
    this.#text(clean);
    return this.int8(0);
  }

  /** A length-prefixed value, `null` as length -1. Text is encoded as UTF-8. */
  value(value: string | Uint8Array | null): this {
    if (value === null) return this.int32(-1);
    if (typeof value !== 'string') return this.int32(value.length).raw(value);
    this.#reserve(4);
    const lengthAt = this.#at;
    this.#at += 4;
    this.#text(value);
    this.#bytes.writeInt32BE(this.#at - lengthAt - 4, lengthAt);
    return this;
  }

  finish(): Buffer {
    this.#bytes.writeInt32BE(this.#at - this.#lengthAt, this.#lengthAt);
    return this.#bytes.subarray(0, this.#at);
  }

  #text(text: string): void {
    // Three bytes per UTF-16 unit is the most UTF-8 needs; measuring exactly costs a pass over long text only.
    this.#reserve(text.length < 1024 ? text.length * 3 : Buffer.byteLength(text));
    this.#at += this.#bytes.write(text, this.#at);
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + length));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
