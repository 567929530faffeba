import type { Worker } from 'node:worker_threads';
import { messageOf, silentLog, startWorker } from '@sampan/base';
import { SlsError, slsErrors } from '@sampan/sls-wire';
import type {
  HistogramSlot,
  IndexEngine,
  IndexEngineOptions,
  LogsResult,
  LogstoreView,
  TableResult,
} from './index-engine.ts';
import type { FromWorker, ToWorker, WorkerCall, WorkerSettings } from './worker-messages.ts';

/** Calls that may wait for the worker; further ones are refused at once. */
const outstandingMax = 256;
/** How far the index may stay behind what was acknowledged while nobody asks. */
const noticeDelayMs = 200;
/** Restarts of a worker that died, before the engine gives up. */
const restartsMax = 5;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Starts the index's worker thread. Calls made before it is ready wait for it. When the worker dies, calls under
 * way fail with `InternalServerError` and a new worker goes on from the index file.
 */
export function createIndexEngine(
  options: IndexEngineOptions,
  start: (settings: WorkerSettings) => Worker = startIndexer,
): IndexEngine {
  return new WorkerEngine(options, start);
}

function startIndexer(settings: WorkerSettings): Worker {
  return startWorker(import.meta.url, 'indexer.worker', { workerData: settings, name: 'sls-indexer' });
}

class WorkerEngine implements IndexEngine {
  readonly #options: IndexEngineOptions;
  readonly #startWorkerThread: (settings: WorkerSettings) => Worker;
  readonly #pending = new Map<number, Pending>();
  /** The newest notice of each logstore that has not been sent yet. */
  readonly #notices = new Map<string, Pick<LogstoreView, 'uid' | 'shards'>>();
  #noticeTimer: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #serial = 0;
  #restarts = 0;
  #stopping: Promise<void> | undefined;

  constructor(options: IndexEngineOptions, startWorkerThread: (settings: WorkerSettings) => Worker) {
    this.#options = options;
    this.#startWorkerThread = startWorkerThread;
    this.#start();
  }

  get isUp(): boolean {
    return this.#worker !== undefined;
  }

  notify(logstore: Pick<LogstoreView, 'uid' | 'shards'>): void {
    const notice = { uid: logstore.uid, shards: logstore.shards };
    this.#notices.set(logstore.uid, notice);
    // Many small transactions cost far more than one: the index follows at a distance. A query does not wait for
    // it, because its own call carries the positions it needs.
    this.#noticeTimer ??= setTimeout(() => this.#flushNotices(), noticeDelayMs);
  }

  async search(request: Parameters<IndexEngine['search']>[0]): Promise<LogsResult | TableResult> {
    const value = await this.#call({ kind: 'search', request });
    return value as LogsResult | TableResult;
  }

  async sql(request: Parameters<IndexEngine['sql']>[0]): Promise<TableResult> {
    const value = await this.#call({ kind: 'sql', request });
    return value as TableResult;
  }

  async histogram(request: Parameters<IndexEngine['histogram']>[0]): Promise<readonly HistogramSlot[]> {
    const value = await this.#call({ kind: 'histogram', request });
    return value as readonly HistogramSlot[];
  }

  async drop(uid: string): Promise<void> {
    this.#notices.delete(uid);
    await this.#call({ kind: 'drop', uid });
  }

  async forget(logstore: Pick<LogstoreView, 'uid' | 'shards'>, receivedBeforeMs: number): Promise<number> {
    const { uid, shards } = logstore;
    return (await this.#call({ kind: 'forget', logstore: { uid, shards }, receivedBeforeMs })) as number;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #start(): void {
    const { dataDirectory, timeZone = 'UTC', memoryLimitMb = 512 } = this.#options;
    const settings: WorkerSettings = { directory: dataDirectory, timeZone, memoryLimitMb };
    const worker = this.#startWorkerThread(settings);
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', (error) => this.#lost(worker, messageOf(error)));
    worker.on('exit', (code) => this.#lost(worker, `it left with code ${code}`));
    this.#worker = worker;
  }

  #receive(message: FromWorker): void {
    if ('log' in message) {
      (this.#options.log ?? silentLog)[message.log](message.detail, message.message);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    if ('failure' in message) {
      const { status, errorCode, errorMessage } = message.failure;
      pending.reject(new SlsError(status, errorCode, errorMessage));
    } else {
      pending.resolve(message.value);
    }
  }

  #lost(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const pending of this.#pending.values()) pending.reject(slsErrors.internalServerError());
    this.#pending.clear();
    if (this.#stopping !== undefined) return;
    const log = this.#options.log ?? silentLog;
    this.#restarts += 1;
    if (this.#restarts > restartsMax) {
      log.error({ reason, restartsMax }, 'the index worker died too often and stays down');
      return;
    }
    log.warn({ reason }, 'the index worker died and is started again');
    this.#start();
  }

  #call(call: WorkerCall): Promise<unknown> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(slsErrors.internalServerError());
    if (this.#pending.size >= outstandingMax && call.kind !== 'stop') {
      return Promise.reject(new SlsError(403, 'ParameterInvalid', 'Too many queued queries'));
    }
    return new Promise((resolve, reject) => {
      this.#serial += 1;
      this.#pending.set(this.#serial, { resolve, reject });
      const message: ToWorker = { id: this.#serial, call };
      worker.postMessage(message);
    });
  }

  #flushNotices(): void {
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = undefined;
    for (const notify of this.#notices.values()) {
      const message: ToWorker = { notify };
      this.#worker?.postMessage(message);
    }
    this.#notices.clear();
  }

  /** The worker ends by itself: stopping it from outside while DuckDB works in it aborts the process. */
  async #shutDown(): Promise<void> {
    this.#flushNotices();
    const worker = this.#worker;
    if (worker === undefined) return;
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    const stopped = this.#call({ kind: 'stop' }).catch(() => undefined);
    this.#worker = undefined;
    await Promise.race([stopped, exited]);
    for (const pending of this.#pending.values()) pending.reject(slsErrors.internalServerError());
    this.#pending.clear();
    await exited;
  }
}
