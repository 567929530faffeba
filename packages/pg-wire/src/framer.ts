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
  let inStartup = options.expectStartup;
  let chunks: Buffer[] = [];
  let buffered = 0;
  let failure: WireError | undefined;

  /** Makes sure the first `length` buffered bytes are contiguous and returns the buffer they begin. */
  function join(length: number): Buffer {
    const first = chunks[0] ?? Buffer.alloc(0);
    if (first.length >= length) return first;
    const joined = Buffer.concat(chunks, buffered);
    chunks = [joined];
    return joined;
  }

  function checkedLength(head: Buffer): number {
    const length = head.readUInt32BE(inStartup ? 0 : 1);
    const min = inStartup ? 8 : 4;
    const max = inStartup ? Math.min(startupBytesMax, options.maxFrameBytes) : options.maxFrameBytes;
    if (length >= min && length <= max) return length;
    const what = inStartup ? 'invalid length of startup packet' : 'invalid message length';
    failure = new WireError(
      sqlstates.protocolViolation,
      `${what}: ${length} bytes, allowed ${min} to ${max}`,
    );
    throw failure;
  }

  function next(): Frame | undefined {
    if (failure !== undefined) throw failure;
    const lengthAt = inStartup ? 0 : 1;
    if (buffered < lengthAt + 4) return undefined;
    const size = lengthAt + checkedLength(join(Math.min(buffered, headerBytesMax)));
    if (buffered < size) return undefined;
    const source = join(size);
    const bytes = source.subarray(0, size);
    buffered -= size;
    if (source.length === size) chunks.shift();
    else chunks[0] = source.subarray(size);
    const type = inStartup ? 0 : (bytes[0] ?? 0);
    const payload = bytes.subarray(lengthAt + 4);
    if (inStartup) {
      const code = payload.readUInt32BE(0);
      inStartup = code === startupCodes.ssl || code === startupCodes.gssenc;
    }
    return { type, bytes, payload };
  }

  return {
    push(chunk) {
      if (failure !== undefined) throw failure;
      if (chunk.length === 0) return;
      const view = Buffer.isBuffer(chunk)
        ? chunk
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      chunks.push(view);
      buffered += view.length;
    },
    next,
    takeRest() {
      const rest = Buffer.concat(chunks, buffered);
      chunks = [];
      buffered = 0;
      return rest;
    },
    get bufferedBytes() {
      return buffered;
    },
    *[Symbol.iterator]() {
      for (let frame = next(); frame !== undefined; frame = next()) yield frame;
    },
  };
}
