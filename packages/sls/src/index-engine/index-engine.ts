import type { Log } from '@sampan/base';
import type { IndexConfig } from '../catalog/index-config.ts';
import type { SqlTypeName } from '../query/sql-type.ts';

/** How far a shard's log had been acknowledged when a call was made. */
export interface ShardView {
  readonly shard: number;
  /** Folder of the shard's segments. */
  readonly directory: string;
  /** The first position that need not be visible; every position below it must be. */
  readonly end: number;
}

/** A logstore as one call sees it. */
export interface LogstoreView {
  readonly uid: string;
  readonly project: string;
  readonly name: string;
  /** Absent when the logstore has no index: every query then fails with `IndexConfigNotExist`. */
  readonly index: IndexConfig | undefined;
  readonly shards: readonly ShardView[];
}

/** The `search | sql` text of GetLogs and the parameters beside it. */
export interface SearchRequest {
  readonly logstore: LogstoreView;
  readonly query: string;
  /** Seconds; `[from, to)`. */
  readonly from: number;
  readonly to: number;
  readonly fromNs?: number;
  readonly toNs?: number;
  /** Raw logs wanted, at most 100. Ignored when the query has SQL. */
  readonly line: number;
  readonly offset: number;
  readonly reverse: boolean;
  readonly topic?: string;
}

/** One SELECT whose FROM names the logstore. */
export interface SqlRequest {
  readonly logstore: LogstoreView;
  readonly sql: string;
  readonly from?: number;
  readonly to?: number;
  /** LIMIT of a statement that has none; absent = as many rows as fit into an answer. */
  readonly rowLimit?: number;
}

export interface HistogramRequest {
  readonly logstore: LogstoreView;
  readonly query: string;
  readonly from: number;
  readonly to: number;
  /** Seconds per slot; about 60 slots when absent. */
  readonly interval?: number;
  readonly topic?: string;
}

/** `Incomplete` comes from fault injection only. */
export type Progress = 'Complete' | 'Incomplete';

export interface HistogramSlot {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly progress: Progress;
}

/** What GetLogs reports beside the rows; the names are those of the vendor's `meta` object. */
export interface QueryMeta {
  readonly progress: Progress;
  readonly count: number;
  readonly processedRows: number;
  readonly processedBytes: number;
  readonly elapsedMillisecond: number;
  readonly hasSQL: boolean;
  readonly whereQuery: string;
  readonly aggQuery: string;
  readonly cpuSec: number;
  readonly cpuCores: number;
  /** 0 normal, 1 phrase search. */
  readonly mode: 0 | 1;
  /** The row limit that applied; 0 when none did. */
  readonly limited: number;
  readonly isAccurate: boolean;
  readonly keys: readonly string[];
  readonly terms: readonly { readonly key: string; readonly term: string }[];
  readonly columnTypes?: readonly string[];
}

/** Raw logs, newest or oldest first. Absent fields are absent from the record. */
export interface LogsResult {
  readonly kind: 'logs';
  readonly logs: readonly Readonly<Record<string, string>>[];
  readonly meta: QueryMeta;
}

export interface TableColumn {
  readonly name: string;
  readonly type: SqlTypeName;
}

/** Rows of an SQL statement. Every value is text in the vendor's form; `null` is SQL NULL. */
export interface TableResult {
  readonly kind: 'table';
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly meta: QueryMeta;
}

/**
 * The index of every logstore: derived from the shards' segments, kept in DuckDB by one worker thread. Each
 * read first waits until everything acknowledged before the call is indexed. Failures are `SlsError`.
 */
export interface IndexEngine extends AsyncDisposable {
  /** False once its worker thread is gone for good. */
  readonly isUp: boolean;
  /** Says that there is more to read. Cheap, never fails; call it after each acknowledged append. */
  notify(logstore: Pick<LogstoreView, 'uid' | 'shards'>): void;
  search(request: SearchRequest): Promise<LogsResult | TableResult>;
  sql(request: SqlRequest): Promise<TableResult>;
  histogram(request: HistogramRequest): Promise<readonly HistogramSlot[]>;
  /** Forgets a deleted logstore. */
  drop(uid: string): Promise<void>;
  /** Removes the logs of a logstore that came before a time; resolves with how many. */
  forget(logstore: Pick<LogstoreView, 'uid' | 'shards'>, receivedBeforeMs: number): Promise<number>;
  stop(): Promise<void>;
}

export interface IndexEngineOptions {
  /** Folder of the index file; made when absent. What is in it can be rebuilt from the segments. */
  readonly dataDirectory: string;
  /** IANA name; SQL's date and time functions work in it. */
  readonly timeZone?: string;
  /** What DuckDB may hold in memory; default 512. */
  readonly memoryLimitMb?: number;
  readonly log?: Log;
}
