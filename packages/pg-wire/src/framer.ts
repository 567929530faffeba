import { startupBytesMax, startupCodes } from './codes.ts';
import { sqlstates, WireError } from './sqlstate.ts';

/** One whole message. `bytes` and `payload` are views that stay valid until the consumer drops them. */
export interface Frame {
  /** The message's letter, or 0 for a packet of the start-up phase. */
  readonly type: number;
  /** The message as it came, header included. */
  readonly bytes: Buffer;
  /** What follows the length field. */
  readonly payload: Buffer;
}

/** Cuts a byte stream into messages. */
export interface Framer extends Iterable<Frame> {
  /**
   * Adds what was read. A `Buffer`'s memory is kept, not copied, so the caller must not reuse it.
   * Take every frame before pushing more: then at most one message and one chunk are held.
   */
  push(chunk: Uint8Array): void;
  /** The next whole message, or `undefined` until more bytes come. Throws `WireError` on a bad length. */
  next(): Frame | undefined;
  /** Hands over the bytes that belong to no frame taken so far; the framer is empty afterwards. */
  takeRest(): Buffer;
  /** Bytes that belong to no frame taken so far. */
  readonly bufferedBytes: number;
}

export interface FramerOptions {
  /** Longest message accepted, length field included, letter excluded. */
  readonly maxFrameBytes: number;
  /** Whether the stream begins with letterless packets, as a client's does. */
  readonly expectStartup: boolean;
}

const headerBytesMax = 5;

/**
 * Creates a framer. With `expectStartup` it reads letterless packets until one that is neither an SSL
 * nor a GSS request, and messages with a letter after that.
 */
export function createFramer(options: FramerOptions): Framer {
  return new ChunkFramer(options);
}

class ChunkFramer implements Framer {
  readonly #maxFrameBytes: number;
  #inStartup: boolean;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #failure: WireError | undefined;

  constructor(options: FramerOptions) {
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#inStartup = options.expectStartup;
  }

  get bufferedBytes(): number {
    return this.#buffered;
  }

  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (chunk.length === 0) return;
    const view = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunks.push(view);
    this.#buffered += view.length;
  }

  next(): Frame | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const lengthAt = this.#inStartup ? 0 : 1;
    if (this.#buffered < lengthAt + 4) return undefined;
    const size = lengthAt + this.#checkedLength(this.#join(Math.min(this.#buffered, headerBytesMax)));
    if (this.#buffered < size) return undefined;
    const source = this.#join(size);
    const bytes = source.subarray(0, size);
    this.#buffered -= size;
    if (source.length === size) this.#chunks.shift();
    else this.#chunks[0] = source.subarray(size);
    const type = this.#inStartup ? 0 : (bytes[0] ?? 0);
    const payload = bytes.subarray(lengthAt + 4);
    if (this.#inStartup) {
      const code = payload.readUInt32BE(0);
      this.#inStartup = code === startupCodes.ssl || code === startupCodes.gssenc;
    }
    return { type, bytes, payload };
  }

  takeRest(): Buffer {
    const rest = Buffer.concat(this.#chunks, this.#buffered);
    this.#chunks = [];
    this.#buffered = 0;
    return rest;
  }

  *[Symbol.iterator](): Generator<Frame> {
    for (let frame = this.next(); frame !== undefined; frame = this.next()) yield frame;
  }

  /** Makes sure the first `length` buffered bytes are contiguous and returns the buffer they begin. */
  #join(length: number): Buffer {
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    if (first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks, this.#buffered);
    this.#chunks = [joined];
    return joined;
  }

  #checkedLength(head: Buffer): number {
    const length = head.readUInt32BE(this.#inStartup ? 0 : 1);
    const min = this.#inStartup ? 8 : 4;
    const max = this.#inStartup ? Math.min(startupBytesMax, this.#maxFrameBytes) : this.#maxFrameBytes;
    if (length >= min && length <= max) return length;
    const what = this.#inStartup ? 'invalid length of startup packet' : 'invalid message length';
    this.#failure = new WireError(
      sqlstates.protocolViolation,
      `${what}: ${length} bytes, allowed ${min} to ${max}`,
    );
    throw this.#failure;
  }
}
