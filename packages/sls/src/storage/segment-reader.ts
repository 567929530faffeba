/** One acknowledged log group. */
export interface SegmentRecord {
  /** Consecutive per shard, from 0; one per log group. */
  readonly position: number;
  /** When the server took it, milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  /** The uncompressed LogGroup protobuf. Valid until the generator is asked for the next record. */
  readonly bytes: Buffer;
}

/** Reads a shard's segments forward; remembers where it stands, so following a growing shard costs no search. */
export interface ShardReader {
  /** Records with `from <= position < to`. Synchronous: meant for worker threads. */
  read(from: number, to: number): Generator<SegmentRecord, void, undefined>;
  close(): void;
}

/** Opens no file until the first read. Safe beside a writer as long as `to` is an acknowledged end. */
export declare function createShardReader(shardDirectory: string): ShardReader;
