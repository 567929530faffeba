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
