import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '@sampan/base';
import { isSlsError, type SlsError, slsErrors } from '@sampan/sls-wire';
import { type QueryTarget, runHistogram, runSearch, runSql } from '../query/run-query.ts';
import { createDamageReporter } from '../storage/damage.ts';
import { createShardReader } from '../storage/segment-reader.ts';
import type { LogstoreView } from './index-engine.ts';
import { type IndexFile, openIndexFile } from './index-file.ts';
import { Indexer } from './indexer.ts';
import { QueryRunner } from './query-runner.ts';
import type { FromWorker, ToWorker, WorkerCall, WorkerSettings } from './worker-messages.ts';

interface Engine {
  readonly file: IndexFile;
  readonly indexer: Indexer;
  readonly runner: QueryRunner;
}

/** Entry of the worker thread that owns DuckDB. */
function main(): void {
  const port = parentPort;
  if (port === null) return;
  const settings: WorkerSettings = workerData;
  const send = (message: FromWorker): void => port.postMessage(message);
  const warn = (message: string, detail: Readonly<Record<string, unknown>>): void =>
    send({ log: 'warn', message, detail });
  const opened = openEngine(settings, warn);
  opened.catch((error: unknown) => warn('the index cannot be opened', { reason: messageOf(error) }));

  port.on('message', (message: ToWorker) => {
    if ('notify' in message) {
      const { uid, shards } = message.notify;
      opened
        .then(({ indexer }) => indexer.advance(uid, shards))
        .catch((error: unknown) => warn('indexing could not begin', { uid, reason: messageOf(error) }));
      return;
    }
    const { id, call } = message;
    opened
      .then((engine) => answer(engine, settings, call))
      .then((value) => {
        send({ id, value });
        if (call.kind === 'stop') port.close();
      })
      .catch((error: unknown) => {
        const { status, errorCode, errorMessage } = asSlsError(error, warn);
        send({ id, failure: { status, errorCode, errorMessage } });
        if (call.kind === 'stop') port.close();
      });
  });
}

async function openEngine(
  settings: WorkerSettings,
  warn: (message: string, detail: Readonly<Record<string, unknown>>) => void,
): Promise<Engine> {
  const file = await openIndexFile({
    ...settings,
    onRebuild: (reason) => warn('the index file is begun anew and will be built from the log', { reason }),
  });
  const onDamage = createDamageReporter((damage) =>
    warn('a record has been changed since it was written and is passed over', { ...damage }),
  );
  const openReader = (directory: string) => createShardReader(directory, onDamage);
  const indexer = new Indexer({ connection: await file.connect(), openReader, warn });
  const runner = new QueryRunner({ connect: () => file.connect(), warn });
  return { file, indexer, runner };
}

async function answer(engine: Engine, settings: WorkerSettings, call: WorkerCall): Promise<unknown> {
  switch (call.kind) {
    case 'search':
      return runSearch(call.request, await target(engine, settings, call.request.logstore));
    case 'sql':
      return runSql(call.request, await target(engine, settings, call.request.logstore));
    case 'histogram':
      return runHistogram(call.request, await target(engine, settings, call.request.logstore));
    case 'drop':
      return engine.indexer.drop(call.uid);
    case 'forget':
      return engine.indexer.forget(call.logstore, call.receivedBeforeMs);
    case 'stop':
      // Queries first: a thread that ends while the engine works for it takes the whole process down.
      await engine.runner.stop();
      await engine.indexer.stop();
      engine.file.close();
      return undefined;
  }
}

/** The logstore with everything in it that was acknowledged before the call. */
async function target(
  engine: Engine,
  settings: WorkerSettings,
  logstore: LogstoreView,
): Promise<QueryTarget> {
  if (logstore.index === undefined) throw slsErrors.logstoreWithoutIndex();
  const { source, rows } = await engine.indexer.caughtUp(logstore.uid, logstore.shards);
  return {
    source,
    rows,
    timeZone: settings.timeZone,
    run: (sql, types) => engine.runner.run(sql, types),
    now: () => performance.now(),
  };
}

function asSlsError(
  error: unknown,
  warn: (message: string, detail: Readonly<Record<string, unknown>>) => void,
): SlsError {
  if (isSlsError(error)) return error;
  // A statement nested so deeply that reading it exhausted the stack is the client's doing.
  if (error instanceof RangeError) return slsErrors.parameterInvalid('the query is too complex');
  warn('a query failed', {
    reason: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
  return slsErrors.internalServerError();
}

main();
