import type { SecureContext } from 'node:tls';

/** What a byte stream reports to its owner. Calls never nest for one transport. */
export interface TransportSink {
  /**
   * Bytes arrived in `buffer[start, end)`. Returns true when nothing refers to that memory any more, false
   * when it was handed on and must not be read into again.
   */
  data(buffer: Buffer, start: number, end: number): boolean;
  /** After `isFull`: everything written has left this process. */
  drained(): void;
  /** The stream is over in both directions. Reported exactly once. */
  closed(): void;
}

/** One connected byte stream. The protocol above it never sees a socket. */
export interface Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** More is waiting to leave than is healthy: the source of the bytes should pause. */
  readonly isFull: boolean;
  readonly isEncrypted: boolean;
  /**
   * Sends `buffer[start, end)` in order. Returns true when the memory may be reused at once, false when it
   * is kept until the peer takes it.
   */
  write(buffer: Buffer, start: number, end: number): boolean;
  /** Stops and restarts reading. Both may be repeated. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** A transport whose events may change hands: first a login hears them, then a session. */
export interface OpenTransport extends Transport {
  sink: TransportSink;
  /** Continues the stream encrypted, as the server side of a TLS session; absent where that is not possible. */
  readonly encrypt?: (context: SecureContext, sink: TransportSink) => Transport;
}

/** Takes a connection that a listener accepted; must be called at once. */
export type Accept = (sink: TransportSink) => OpenTransport;

/** A port on which connections are accepted. */
export interface TransportListener {
  readonly port: number;
  /** Accepts no more; what was accepted lives on. */
  stop(): void;
}

/** Opens a connection; the sink hears `closed` without any `data` when that fails. */
export type Connect = (options: {
  readonly host: string;
  readonly port: number;
  readonly sink: TransportSink;
  readonly connected: (transport: OpenTransport) => void;
  readonly failed: (error: Error) => void;
}) => OpenTransport;

/** One way to move bytes between this process and the network. */
export interface Transports {
  readonly name: 'net' | 'io_uring';
  /** Resolves when `host:port` accepts connections. */
  readonly listen: (options: {
    readonly host: string;
    readonly port: number;
    readonly accepted: (accept: Accept) => void;
    /** Accepting fails now and then, for want of descriptors for example. */
    readonly failed: (error: Error) => void;
  }) => Promise<TransportListener>;
  readonly connect: Connect;
  /** After the last listener and transport have closed. */
  stop(): void;
}
