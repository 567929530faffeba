import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '@sampan/base';
import { createFramer, type Frame, WireError } from '@sampan/pg-wire';

/** The connection is gone; whatever ran for it has nobody to answer. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Longest message before a client has logged in; PostgreSQL's bound on an authentication token. */
const loginFrameBytesMax = 65_535;
/** Answers are gathered up to here before they are written. */
const pendingBytesMax = 65_536;
/** Long enough for a client to finish sending what was refused, so that it gets to read why. */
const lingerMs = 5_000;
/** A client that has sent nothing for this long has finished. */
const quietMs = 200;

export interface ChannelOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  /** Longest message of a client that has logged in: one statement. */
  readonly frameBytesMax: number;
}

/** One client's byte stream as messages, before and after it became TLS. Reads only when asked to. */
export class Channel {
  readonly remoteAddress: string;
  readonly #frameBytesMax: number;
  readonly #clock: Clock;
  #framer = createFramer({ maxFrameBytes: loginFrameBytesMax, expectStartup: true });
  #stream: Socket;
  #isStopped = false;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #wake: (() => void) | undefined;
  readonly #onChange = (): void => this.#wake?.();

  constructor(options: ChannelOptions) {
    this.#stream = options.socket;
    this.#frameBytesMax = options.frameBytesMax;
    this.#clock = options.clock;
    this.remoteAddress = (options.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    options.socket.setNoDelay(true);
    options.socket.setKeepAlive(true, 60_000);
    // Without a listener a reset would end the process; the reader notices that the stream is closed.
    options.socket.on('error', () => {});
    this.#watch();
  }

  get isEncrypted(): boolean {
    return this.#stream instanceof TLSSocket;
  }

  /** Call it once the client has logged in: from now on a message may be as long as a statement. */
  acceptStatements(): void {
    const rest = this.#framer.takeRest();
    this.#framer = createFramer({ maxFrameBytes: this.#frameBytesMax, expectStartup: false });
    this.#framer.push(rest);
  }

  /** From now on `read` returns `undefined`, as if the client had gone. */
  stopReading(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  /** The next message; `undefined` when the client has gone. Throws `WireError` for bytes that are no message. */
  async read(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#isStopped ? undefined : this.#framer.next();
      if (frame !== undefined) return frame;
      const chunk = await this.#chunk();
      if (chunk === undefined) return undefined;
      this.#framer.push(chunk);
    }
  }

  /** The first byte a client sends, left in the stream; `undefined` when it sends none. */
  async firstByte(): Promise<number | undefined> {
    const chunk = await this.#chunk();
    if (chunk === undefined) return undefined;
    this.#stream.unshift(chunk);
    return chunk[0];
  }

  /** Gathers an answer. Nothing is written before `flush` unless it grows long. */
  async send(message: Buffer): Promise<void> {
    this.#pending.push(message);
    this.#pendingBytes += message.length;
    if (this.#pendingBytes < pendingBytesMax) return;
    await this.flush();
    // A client that reads as fast as it is served would otherwise keep every other one waiting.
    await new Promise(setImmediate);
  }

  /** Writes what was gathered and waits until the client keeps up. Throws `ConnectionLost`. */
  async flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const bytes = this.#pending.length === 1 ? this.#pending[0] : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (!this.#stream.writable) throw new ConnectionLost('the client has closed the connection');
    if (bytes === undefined || this.#stream.write(bytes)) return;
    await this.#until(() => !this.#stream.writableNeedDrain || !this.#stream.writable);
  }

  /** Goes on in TLS. Bytes that came in the clear after the request could be an attacker's (CVE-2021-23214). */
  async startTls(secureContext: SecureContext): Promise<void> {
    if (this.#framer.bufferedBytes > 0 || this.#plainBytesWait()) {
      throw new WireError('08P01', 'received unencrypted data after SSL request');
    }
    await this.flush();
    this.#wrap(secureContext);
  }

  /** Goes on in TLS when the client began with a TLS handshake at once (`sslnegotiation=direct`). */
  startDirectTls(secureContext: SecureContext): void {
    this.#wrap(secureContext);
  }

  /**
   * Sends what was gathered and closes. What the client still sends is read and dropped for a moment, because
   * closing a socket with unread bytes resets it and the client would lose the last message.
   */
  async end(): Promise<void> {
    await this.flush().catch(() => {});
    const stream = this.#stream;
    this.#unwatch();
    if (this.#framer.bufferedBytes > 0) await this.#outlast();
    if (stream.destroyed) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(lingerMs, () => stream.destroy());
      stream.once('close', () => {
        timer.cancel();
        resolve();
      });
      stream.end();
      stream.resume();
    });
  }

  /**
   * Lets a client finish the message that was refused half-way: libpq gives up without looking at the answer when
   * the connection closes while it is still sending.
   */
  async #outlast(): Promise<void> {
    const deadlineMs = this.#clock.monotonicMs() + lingerMs;
    let isSending = true;
    this.#stream.on('data', () => {
      isSending = true;
    });
    while (isSending && !this.#stream.destroyed && this.#clock.monotonicMs() < deadlineMs) {
      isSending = false;
      await new Promise<void>((resolve) => {
        this.#clock.after(quietMs, resolve);
      });
    }
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #plainBytesWait(): boolean {
    const chunk: unknown = this.#stream.read();
    return chunk !== null;
  }

  #wrap(secureContext: SecureContext): void {
    const plain = this.#stream;
    this.#unwatch();
    const secure = new TLSSocket(plain, {
      isServer: true,
      secureContext,
      ALPNProtocols: ['postgresql'],
      requestCert: false,
    });
    secure.on('error', () => secure.destroy());
    plain.on('close', () => secure.destroy());
    this.#stream = secure;
    this.#watch();
  }

  async #chunk(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#isStopped) return undefined;
      const chunk: unknown = this.#stream.read();
      if (Buffer.isBuffer(chunk)) return chunk;
      if (this.#stream.readableEnded || this.#stream.destroyed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #watch(): void {
    for (const event of streamEvents) this.#stream.on(event, this.#onChange);
  }

  #unwatch(): void {
    for (const event of streamEvents) this.#stream.off(event, this.#onChange);
  }
}

const streamEvents = ['readable', 'end', 'close', 'drain'] as const;
