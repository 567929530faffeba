import type { HistogramRequest, LogstoreView, SearchRequest, SqlRequest } from './index-engine.ts';

/** What the worker is started with. */
export interface WorkerSettings {
  readonly directory: string;
  readonly timeZone: string;
  readonly memoryLimitMb: number;
}

/** What the main thread asks for. */
export type WorkerCall =
  | { readonly kind: 'search'; readonly request: SearchRequest }
  | { readonly kind: 'sql'; readonly request: SqlRequest }
  | { readonly kind: 'histogram'; readonly request: HistogramRequest }
  | { readonly kind: 'drop'; readonly uid: string }
  | {
      readonly kind: 'forget';
      readonly logstore: Pick<LogstoreView, 'uid' | 'shards'>;
      readonly receivedBeforeMs: number;
    }
  | { readonly kind: 'stop' };

export type ToWorker =
  | { readonly id: number; readonly call: WorkerCall }
  | { readonly notify: Pick<LogstoreView, 'uid' | 'shards'> };

/** A failure in the vendor's words; errors lose their class between threads. */
export interface WorkerFailure {
  readonly status: number;
  readonly errorCode: string;
  readonly errorMessage: string;
}

export type FromWorker =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: WorkerFailure }
  | {
      readonly log: 'info' | 'warn';
      readonly message: string;
      readonly detail: Readonly<Record<string, unknown>>;
    };
