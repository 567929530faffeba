import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf } from '@sampan/base';
import { decodeLogGroup } from '@sampan/sls-wire';
import type { LogSource } from '../query/log-source.ts';
import type { ShardReader } from '../storage/segment-reader.ts';
import { ColumnBatch } from './column-batch.ts';
import type { ShardView } from './index-engine.ts';
import { LogTable, type ShardPositions } from './log-table.ts';

export interface IndexerOptions {
  /** The only connection that writes. */
  readonly connection: DuckDBConnection;
  openReader(shardDirectory: string): ShardReader;
  warn(message: string, detail: Readonly<Record<string, unknown>>): void;
  /** Keys of a logstore that get a column of their own; default 500. */
  readonly columnsMax?: number;
  /** A batch ends at this many logs or bytes, whichever comes first. */
  readonly batchRowsMax?: number;
  readonly batchBytesMax?: number;
}

/** A logstore as queries see it, with everything acknowledged before the call in it. */
export interface IndexedLogstore {
  readonly source: LogSource;
  readonly rows: number;
}

interface Shard {
  readonly directory: string;
  readonly reader: ShardReader;
  /** Where to read up to; only acknowledged positions get here. */
  target: number;
  /** The next position to decode; runs ahead of the table's while a batch is being inserted. */
  next: number;
}

interface Waiter {
  readonly wanted: readonly ShardView[];
  resolve(): void;
  reject(error: unknown): void;
}

interface Logstore {
  readonly table: LogTable;
  readonly shards: Map<number, Shard>;
  readonly waiters: Set<Waiter>;
  /** After a batch was refused: one record at a time, to find the one at fault. */
  isCareful: boolean;
}

interface Batch {
  readonly columns: ColumnBatch;
  readonly positions: ShardPositions;
}

/** Failures that come from what is in a record, not from the state of the disk or of memory. */
const dataFault = /^(Conversion|Invalid Input|Invalid|Parser|Out of Range) Error/;

/**
 * Keeps the index behind the segments: reads new records, decodes them, loads them in batches. The next batch is
 * decoded while the engine inserts the previous one.
 */
export class Indexer {
  readonly #options: IndexerOptions;
  readonly #logstores = new Map<string, Promise<Logstore>>();
  readonly #dirty = new Set<string>();
  #work: Promise<void> | undefined;
  #isStopped = false;
  /** The writer's connection does one thing at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: IndexerOptions) {
    this.#options = options;
  }

  /** Says that records up to each shard's `end` may be read. */
  async advance(uid: string, shards: readonly ShardView[]): Promise<void> {
    const logstore = await this.#open(uid, shards);
    for (const view of shards) this.#extend(logstore, view);
    this.#dirty.add(uid);
    this.#start();
  }

  /** Resolves when every record below each shard's `end` can be queried. */
  async caughtUp(uid: string, shards: readonly ShardView[]): Promise<IndexedLogstore> {
    const logstore = await this.#open(uid, shards);
    if (!isReached(logstore, shards)) {
      await new Promise<void>((resolve, reject) => {
        logstore.waiters.add({ wanted: shards, resolve, reject });
        this.advance(uid, shards).catch(reject);
      });
    }
    return { source: logstore.table.source(), rows: logstore.table.rows };
  }

  async drop(uid: string): Promise<void> {
    const opened = this.#logstores.get(uid) ?? this.#exclusive(() => this.#load(uid));
    const logstore = await opened;
    await this.#exclusive(async () => {
      this.#logstores.delete(uid);
      this.#dirty.delete(uid);
      closeReaders(logstore);
      for (const waiter of logstore.waiters) waiter.reject(new Error(`logstore ${uid} was deleted`));
      await logstore.table.drop();
    });
  }

  /** Removes logs that came before a time; resolves with how many. */
  async forget(
    { uid, shards }: { readonly uid: string; readonly shards: readonly ShardView[] },
    receivedBeforeMs: number,
  ): Promise<number> {
    const logstore = await this.#open(uid, shards);
    return this.#exclusive(() => logstore.table.forget(receivedBeforeMs));
  }

  /** Finishes the batch in hand and closes every file. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
    await this.#turn;
    for (const opened of await Promise.allSettled(this.#logstores.values())) {
      if (opened.status === 'fulfilled') closeReaders(opened.value);
    }
    this.#options.connection.closeSync();
  }

  #open(uid: string, shards: readonly ShardView[]): Promise<Logstore> {
    let opened = this.#logstores.get(uid);
    if (opened === undefined) {
      opened = this.#exclusive(() => this.#loadConsistent(uid, shards));
      this.#logstores.set(uid, opened);
      opened.catch(() => this.#logstores.delete(uid));
    }
    return opened;
  }

  async #load(uid: string): Promise<Logstore> {
    const table = await LogTable.open(this.#options.connection, uid);
    return { table, shards: new Map(), waiters: new Set(), isCareful: false };
  }

  /** An index that is ahead of the segments belongs to data that is gone: it is built again. */
  async #loadConsistent(uid: string, shards: readonly ShardView[]): Promise<Logstore> {
    const logstore = await this.#load(uid);
    const ahead = shards.find((view) => (logstore.table.positions.get(view.shard) ?? 0) > view.end);
    if (ahead === undefined) return logstore;
    const { shard, end } = ahead;
    this.#options.warn('the index is ahead of the log and is built again', { uid, shard, end });
    await logstore.table.drop();
    return this.#load(uid);
  }

  #extend(logstore: Logstore, view: ShardView): void {
    const shard = logstore.shards.get(view.shard);
    if (shard !== undefined) {
      shard.target = Math.max(shard.target, view.end);
      return;
    }
    logstore.shards.set(view.shard, {
      directory: view.directory,
      reader: this.#options.openReader(view.directory),
      target: view.end,
      next: logstore.table.positions.get(view.shard) ?? 0,
    });
  }

  #start(): void {
    if (this.#work !== undefined || this.#isStopped) return;
    this.#work = this.#run().finally(() => {
      this.#work = undefined;
      if (this.#dirty.size > 0) this.#start();
    });
  }

  async #run(): Promise<void> {
    for (const uid of this.#dirty) {
      this.#dirty.delete(uid);
      const logstore = await this.#logstores.get(uid);
      if (logstore === undefined) continue;
      try {
        await this.#exclusive(() => this.#index(logstore));
      } catch (error) {
        this.#options.warn('indexing stopped', { uid, reason: messageOf(error) });
        for (const waiter of logstore.waiters) waiter.reject(error);
        logstore.waiters.clear();
      }
      if (this.#isStopped) return;
    }
  }

  /** Loads everything up to the shards' targets. */
  async #index(logstore: Logstore): Promise<void> {
    let batch = this.#read(logstore);
    while (batch !== undefined) {
      const current: Batch = batch;
      const inserting = logstore.table.append(current.columns, current.positions);
      // A failure is looked at below; until then it must not count as unhandled.
      inserting.catch(() => undefined);
      const following =
        logstore.isCareful || this.#isStopped ? undefined : this.#readAhead(logstore, current);
      try {
        await inserting;
        settle(logstore);
        batch = following ?? (this.#isStopped ? undefined : this.#read(logstore));
      } catch (error) {
        batch = await this.#afterFailure(logstore, current, error);
      }
    }
    logstore.isCareful = false;
  }

  /** Keys of the batch in flight count as known, so that the column cap holds across both. */
  #readAhead(logstore: Logstore, inFlight: Batch): Batch | undefined {
    return this.#read(
      logstore,
      new Set([...logstore.table.knownKeys(), ...inFlight.columns.columns().keys()]),
    );
  }

  /** Decodes the next batch; undefined when the targets are reached. */
  #read(logstore: Logstore, known: ReadonlySet<string> = logstore.table.knownKeys()): Batch | undefined {
    const { columnsMax = 500, batchRowsMax = 8_000, batchBytesMax = 4 * 1024 * 1024 } = this.#options;
    const columns = new ColumnBatch(known, columnsMax);
    const positions: ShardPositions = new Map();
    let bytes = 0;
    for (const [number, shard] of logstore.shards) {
      if (shard.next >= shard.target) continue;
      for (const record of shard.reader.read(shard.next, shard.target)) {
        this.#decode(columns, number, record);
        bytes += record.bytes.length;
        shard.next = record.position + 1;
        positions.set(number, shard.next);
        const isFull = columns.rows >= batchRowsMax || bytes >= batchBytesMax;
        if (isFull || logstore.isCareful) return { columns, positions };
      }
      // Whatever the reader left out up to here is damaged or no longer held.
      shard.next = shard.target;
      positions.set(number, shard.next);
    }
    return positions.size === 0 ? undefined : { columns, positions };
  }

  /** A record that cannot be decoded is passed over: it was acknowledged, but there is nothing to find in it. */
  #decode(
    columns: ColumnBatch,
    shard: number,
    record: { position: number; receivedAtMs: number; bytes: Buffer },
  ): void {
    const { position, receivedAtMs } = record;
    try {
      columns.add(decodeLogGroup(record.bytes), { shard, position, receivedAtMs });
    } catch (error) {
      this.#options.warn('a record cannot be decoded and is passed over', {
        shard,
        position,
        reason: messageOf(error),
      });
    }
  }

  /** Goes back and tries record by record; a single record that is refused for its content is passed over. */
  async #afterFailure(logstore: Logstore, batch: Batch, error: unknown): Promise<Batch | undefined> {
    for (const [number, shard] of logstore.shards) shard.next = logstore.table.positions.get(number) ?? 0;
    if (!dataFault.test(messageOf(error))) throw error;
    if (logstore.isCareful) {
      const [[shard, next] = []] = batch.positions;
      this.#options.warn('a record cannot be indexed and is passed over', {
        shard,
        next,
        reason: messageOf(error),
      });
      await logstore.table.append(new ColumnBatch(new Set(), 0), batch.positions);
      for (const [number, position] of batch.positions) {
        const passed = logstore.shards.get(number);
        if (passed !== undefined) passed.next = position;
      }
      logstore.isCareful = false;
      settle(logstore);
    } else {
      logstore.isCareful = true;
    }
    return this.#read(logstore);
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function isReached(logstore: Logstore, shards: readonly ShardView[]): boolean {
  return shards.every((view) => (logstore.table.positions.get(view.shard) ?? 0) >= view.end);
}

function settle(logstore: Logstore): void {
  for (const waiter of logstore.waiters) {
    if (!isReached(logstore, waiter.wanted)) continue;
    logstore.waiters.delete(waiter);
    waiter.resolve();
  }
}

function closeReaders(logstore: Logstore): void {
  for (const shard of logstore.shards.values()) shard.reader.close();
}
