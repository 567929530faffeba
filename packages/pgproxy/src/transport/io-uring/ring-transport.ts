import type { OpenTransport, TransportSink } from '../transport.ts';
import { pieceBytes } from './ring.ts';
import type { RingEngine } from './ring-engine.ts';

/** Bytes that may wait in this process for one peer before its source pauses. */
const highWaterBytes = 64 * 1024;

const errors = { noBuffers: -105, canceled: -125, interrupted: -4, again: -11 } as const;
const flagMore = 2;
const shortBytes = 128;
const shutdownWrite = 1;
const shutdownBoth = 2;

/** Memory of one send: filled while the one before it is on its way. */
export interface Piece {
  readonly memory: Buffer;
  readonly address: number;
}

/**
 * One TCP connection on the ring.
 *
 * Sending: `#sending` is with the kernel, `#full` and after them `#filling` hold what was written meanwhile; bytes
 * leave in this order. Receiving: one request that repeats itself is with the kernel unless the
 * transport is paused; what still arrives then is `#held`. The descriptor is closed when the kernel has
 * answered every request, so that no answer can meet another connection.
 */
export class RingTransport implements OpenTransport {
  readonly isEncrypted = false;
  sink: TransportSink;
  remoteAddress = '';
  remotePort = 0;
  localAddress = '';
  localPort = 0;
  /** -1 before it is known. */
  file = -1;
  /** Its place in the engine's table. */
  readonly index: number;
  /** Work was noted with the engine that this transport does at the end of the turn. */
  isQueued = false;
  readonly #engine: RingEngine;
  /** Requests the kernel has not answered for good. */
  #requests = 0;
  #isReceiving = false;
  #isCanceling = false;
  #isPaused = false;
  #isConnected = false;
  #hasEnded = false;
  #isEnding = false;
  #isShut = false;
  #isDestroyed = false;
  #isClosed = false;
  #needsDrain = false;
  #held: Buffer[] = [];
  #sending: Piece | undefined;
  #sendingFrom = 0;
  #sendingTo = 0;
  #filling: Piece | undefined;
  #filled = 0;
  #full: Piece[] = [];
  #pendingBytes = 0;

  constructor(engine: RingEngine, index: number, sink: TransportSink) {
    this.#engine = engine;
    this.index = index;
    this.sink = sink;
  }

  get isFull(): boolean {
    const isFull = this.#pendingBytes > highWaterBytes;
    if (isFull) this.#needsDrain = true;
    return isFull;
  }

  /** The connection stands: receiving begins at the end of the turn. */
  start(file: number): void {
    this.file = file;
    this.#isConnected = true;
    this.#later();
  }

  /** A request to connect is with the kernel. */
  connecting(file: number): void {
    this.file = file;
    this.#requests++;
  }

  /** The request to connect was answered. Returns whether anybody still wants the connection. */
  connected(): boolean {
    this.#requests--;
    if (!this.#isDestroyed) return true;
    this.#later();
    return false;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** Always copies: the caller's memory is free at once. */
  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#isDestroyed || this.#isEnding || start >= end) return true;
    this.#pendingBytes += end - start;
    for (let from = start; from < end; ) {
      this.#filling ??= this.#engine.takePiece();
      const count = copy(this.#filling.memory, this.#filled, { buffer, start: from, end });
      from += count;
      this.#filled += count;
      if (this.#filled === pieceBytes) {
        this.#full.push(this.#filling);
        this.#filling = undefined;
        this.#filled = 0;
      }
    }
    if (!this.isQueued && this.#sending === undefined) this.#later();
    return true;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#later();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#later();
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#later();
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#held = [];
    if (this.file !== -1) this.#engine.shutdown(this.file, shutdownBoth);
    this.#later();
  }

  /** What was put off until the end of the turn. */
  work(): void {
    this.isQueued = false;
    if (this.#isDestroyed) {
      this.#finish();
      return;
    }
    this.#deliverHeld();
    this.#send();
    if (!this.#isConnected || this.#isDestroyed) return;
    if (this.#isPaused) {
      if (this.#isReceiving && !this.#isCanceling) {
        this.#isCanceling = true;
        this.#engine.cancelReceive(this);
      }
    } else if (!this.#isReceiving && !this.#hasEnded) {
      this.#isReceiving = true;
      this.#requests++;
      this.#engine.receive(this);
    }
    this.#closeIfOver();
  }

  received(result: number, flags: number, piece: number): void {
    if ((flags & flagMore) === 0) {
      this.#isReceiving = false;
      this.#isCanceling = false;
      this.#requests--;
      this.#later();
    }
    if (piece !== -1) this.#take(piece, result);
    if (this.#isDestroyed || result > 0) return;
    if (result === 0) {
      this.#hasEnded = true;
      this.#later();
    } else if (
      result !== errors.noBuffers &&
      result !== errors.canceled &&
      result !== errors.interrupted &&
      result !== errors.again
    ) {
      this.destroy();
    }
  }

  sent(result: number): void {
    this.#requests--;
    const piece = this.#sending;
    if (piece === undefined) return;
    if (result < 0 && result !== errors.interrupted && result !== errors.again) this.destroy();
    else {
      const count = Math.max(0, result);
      this.#sendingFrom += count;
      this.#pendingBytes -= count;
    }
    if (this.#isDestroyed || this.#sendingFrom === this.#sendingTo) {
      this.#sending = undefined;
      this.#engine.returnPiece(piece);
    }
    if (this.#isDestroyed || this.#pendingBytes > 0) {
      this.#later();
      return;
    }
    if (this.#isEnding || this.#hasEnded) this.#later();
    if (this.#needsDrain) {
      this.#needsDrain = false;
      this.sink.drained();
    }
  }

  #later(): void {
    if (!this.isQueued) this.#engine.queue(this);
  }

  #take(piece: number, length: number): void {
    const memory = this.#engine.memoryOf(piece);
    let isFree = true;
    if (!this.#isDestroyed && length > 0) {
      if (this.#isPaused || this.#held.length > 0) this.#held.push(Buffer.from(memory.subarray(0, length)));
      else isFree = this.sink.data(memory, 0, length);
    }
    this.#engine.giveBack(piece, isFree);
  }

  #deliverHeld(): void {
    while (!this.#isPaused && !this.#isDestroyed) {
      const bytes = this.#held.shift();
      if (bytes === undefined) return;
      this.sink.data(bytes, 0, bytes.length);
    }
  }

  #send(): void {
    if (this.#sending === undefined) {
      if (!this.#isConnected) return;
      const full = this.#full.shift();
      if (full === undefined && this.#filled === 0) return;
      this.#sending = full ?? this.#filling;
      this.#sendingFrom = 0;
      this.#sendingTo = full === undefined ? this.#filled : pieceBytes;
      if (full === undefined) {
        this.#filling = undefined;
        this.#filled = 0;
      }
    } else if (this.#requests > (this.#isReceiving ? 1 : 0)) return;
    const piece = this.#sending;
    if (piece === undefined) return;
    this.#requests++;
    this.#engine.send(this, piece.address + this.#sendingFrom, this.#sendingTo - this.#sendingFrom);
  }

  /** The peer has ended and everything was sent, or this side has: then the stream is over or half over. */
  #closeIfOver(): void {
    if (this.#pendingBytes > 0) return;
    const peerIsDone = this.#hasEnded && this.#held.length === 0 && !this.#isPaused;
    if (peerIsDone) this.destroy();
    else if (this.#isEnding && !this.#isShut) {
      this.#isShut = true;
      this.#engine.shutdown(this.file, shutdownWrite);
    }
  }

  #finish(): void {
    if (this.#requests > 0 || this.#isClosed) return;
    this.#isClosed = true;
    for (const piece of [this.#sending, ...this.#full, this.#filling]) {
      if (piece !== undefined) this.#engine.returnPiece(piece);
    }
    this.#sending = undefined;
    this.#filling = undefined;
    this.#full = [];
    this.#engine.forget(this);
    this.sink.closed();
  }
}

/** Copies what fits. A loop is faster than a call for a short message, because the call makes an object. */
function copy(
  to: Buffer,
  at: number,
  { buffer, start, end }: { readonly buffer: Buffer; readonly start: number; readonly end: number },
): number {
  const count = Math.min(end - start, to.length - at);
  if (count > shortBytes) return buffer.copy(to, at, start, start + count);
  for (let n = 0; n < count; n++) to[at + n] = buffer[start + n] ?? 0;
  return count;
}
