import { join } from 'node:path';
import { silentLog } from '@sampan/base';
import { encodeLogGroup, type LogGroup } from '@sampan/sls-wire';
import { createTemporaryFolder } from '@sampan/testkit';
import type { IndexConfig } from '../catalog/index-config.ts';
import { createSegmentStorage, type LogStorage } from '../storage/store.ts';
import { createIndexEngine } from './engine.ts';
import type { IndexEngine, LogsResult, LogstoreView, SearchRequest, TableResult } from './index-engine.ts';

/** A log as tests write it: fields, with `__time__` in seconds beside them. */
export type TestLog = Readonly<Record<string, string>> & { readonly __time__?: string };

/** One logstore of a test, over real segments. */
export interface TestLogstore {
  readonly engine: IndexEngine;
  /** The logstore as it is now; `index` replaces the one given at the start. */
  view(index?: IndexConfig): LogstoreView;
  append(group: LogGroup, shard?: number): Promise<void>;
  /** One log group per call. */
  appendLogs(logs: readonly TestLog[], shard?: number): Promise<void>;
  /** Bytes as they are, also such as no log group. */
  appendBytes(bytes: Buffer, shard?: number): Promise<void>;
  search(query: string, options?: Partial<SearchRequest>): Promise<LogsResult | TableResult>;
  /** Raw logs of a search, newest first. */
  logs(query: string, options?: Partial<SearchRequest>): Promise<readonly Readonly<Record<string, string>>[]>;
  /** Rows of `* | sql`. */
  rows(sql: string, options?: Partial<SearchRequest>): Promise<TableResult['rows']>;
}

/** An engine in a folder of its own. Starting one takes a second; logstores are cheap. */
export interface TestEngine extends AsyncDisposable {
  readonly dataDirectory: string;
  logstore(index: IndexConfig): Promise<TestLogstore>;
  stop(): Promise<void>;
  /** Closes the engine and opens it again over the same folder. */
  restart(): Promise<void>;
}

/** Dify's own tokenizer list; the double quote stands in it twice. */
export const difyTokens = [...', ";"=()[]{}?@&<>/:\n\t\r'];

/** An index of those fields, made as Dify makes it. */
export function indexOf(keys: Readonly<Record<string, 'text' | 'long' | 'double' | 'json'>>): IndexConfig {
  const entries = Object.entries(keys).map(([name, type]) => [
    name,
    type === 'text'
      ? { type, token: difyTokens, caseSensitive: false, doc_value: true, chn: true }
      : { type, doc_value: true },
  ]);
  return {
    line: { token: difyTokens, caseSensitive: false, chn: true },
    keys: Object.fromEntries(entries),
    scan_index: true,
  };
}

/** Starts an engine for a test. */
export async function startTestEngine(timeZone = 'UTC'): Promise<TestEngine> {
  const folder = await createTemporaryFolder();
  const storage = createSegmentStorage({ directory: join(folder.path, 'log'), log: silentLog });
  const dataDirectory = join(folder.path, 'index');
  const start = (): IndexEngine => createIndexEngine({ dataDirectory, timeZone });
  let engine = start();
  let logstores = 0;
  return {
    dataDirectory,
    async logstore(index) {
      logstores += 1;
      const uid = `uid-${logstores}`;
      await storage.open(uid, [0, 1]);
      return testLogstore(storage, uid, index, () => engine);
    },
    stop: () => engine.stop(),
    async restart() {
      await engine.stop();
      engine = start();
    },
    async [Symbol.asyncDispose]() {
      await engine.stop();
      await storage.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function testLogstore(
  storage: LogStorage,
  uid: string,
  index: IndexConfig,
  engine: () => IndexEngine,
): TestLogstore {
  let clock = 1_760_000_000_000;
  const logstore: TestLogstore = {
    get engine() {
      return engine();
    },
    view: (changed = index) => ({
      uid,
      project: 'dify',
      name: 'workflow_execution',
      index: changed,
      shards: storage.shards(uid),
    }),
    async appendBytes(bytes, shard = 0) {
      clock += 1;
      await storage.append(uid, shard, { receivedAtMs: clock, bytes });
      engine().notify(logstore.view());
    },
    append: (group, shard = 0) => logstore.appendBytes(encodeLogGroup(group), shard),
    appendLogs: (logs, shard = 0) => logstore.append(groupOf(logs), shard),
    search: (query, changes = {}) =>
      engine().search({
        logstore: logstore.view(),
        query,
        from: 0,
        to: 4_000_000_000,
        line: 100,
        offset: 0,
        reverse: true,
        ...changes,
      }),
    async logs(query, changes) {
      const result = await logstore.search(query, changes);
      if (result.kind !== 'logs') throw new Error('expected raw logs');
      return result.logs;
    },
    async rows(sql, changes) {
      const result = await logstore.search(`* | ${sql}`, changes);
      if (result.kind !== 'table') throw new Error('expected a table');
      return result.rows;
    },
  };
  return logstore;
}

function groupOf(logs: readonly TestLog[]): LogGroup {
  return {
    topic: '',
    source: '10.0.0.1',
    tags: [],
    logs: logs.map(({ __time__ = '1760000000', ...fields }) => ({
      time: Number(__time__),
      contents: Object.entries(fields),
    })),
  };
}
