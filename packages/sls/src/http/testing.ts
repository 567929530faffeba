import { join } from 'node:path';
import { type Clock, silentLog, systemClock } from '@sampan/base';
import { createTemporaryFolder } from '@sampan/testkit';
import { type AccessKey, createAuthenticator } from '../auth/authenticate.ts';
import { type Catalog, openCatalog } from '../catalog/catalog.ts';
import { openConsumerGroups } from '../consumer/consumer-groups.ts';
import type {
  HistogramRequest,
  LogsResult,
  QueryMeta,
  SearchRequest,
  SqlRequest,
  TableResult,
} from '../index-engine/index-engine.ts';
import { createIngest } from '../ingest/ingest.ts';
import { openResourceTable } from '../resources/resource-table.ts';
import { createDocuments } from '../storage/documents.ts';
import { createRecordFinder } from '../storage/record-finder.ts';
import { readRecords, type SegmentRecord } from '../storage/segment-reader.ts';
import { createSegmentStorage } from '../storage/store.ts';
import { type AddressOptions, defaultBaseDomains } from './address.ts';
import { createHttpFrontEnd } from './front-end.ts';

/** An HTTP front end over a real log and catalogue, and an engine that says what it is told to. */
export interface TestFrontEnd extends AsyncDisposable {
  readonly port: number;
  readonly catalog: Catalog;
  /** What reached the engine. */
  readonly asked: (SearchRequest | SqlRequest | HistogramRequest)[];
  /** What search and sql answer. */
  answer: LogsResult | TableResult | Error;
  /** Everything stored in a logstore, shard by shard. */
  records(project: string, logstore: string): SegmentRecord[][];
}

export const testKey: AccessKey = { id: 'ak', secret: 'sk' };

export const emptyMeta: QueryMeta = {
  progress: 'Complete',
  count: 0,
  processedRows: 0,
  processedBytes: 0,
  elapsedMillisecond: 1,
  hasSQL: false,
  whereQuery: '*',
  aggQuery: '',
  cpuSec: 0,
  cpuCores: 1,
  mode: 0,
  limited: 100,
  isAccurate: true,
  keys: [],
  terms: [],
};

export interface TestFrontEndOptions {
  readonly auth?: 'strict' | 'any';
  readonly clock?: Clock;
  readonly address?: Partial<AddressOptions>;
}

export async function startFrontEnd(options: TestFrontEndOptions = {}): Promise<TestFrontEnd> {
  const folder = await createTemporaryFolder();
  const clock = options.clock ?? systemClock;
  const storage = createSegmentStorage({ directory: join(folder.path, 'log'), log: silentLog });
  const documents = createDocuments(join(folder.path, 'catalog'));
  const consumerGroups = await openConsumerGroups({
    documents: createDocuments(join(folder.path, 'consumer-groups')),
    clock,
  });
  const resources = await openResourceTable(createDocuments(join(folder.path, 'resources')));
  const catalog = await openCatalog({
    documents,
    storage,
    clock,
    onDrop: async (uid, successor) => {
      await consumerGroups.drop(uid);
      await resources.dropLogstore(uid, successor);
    },
    onProjectDrop: (project) => resources.dropProject(project),
  });
  const asked: TestFrontEnd['asked'] = [];
  const state = { answer: { kind: 'logs', logs: [], meta: emptyMeta } as TestFrontEnd['answer'] };

  function reply<T extends LogsResult | TableResult>(request: SearchRequest | SqlRequest): Promise<T> {
    asked.push(request);
    if (state.answer instanceof Error) return Promise.reject(state.answer);
    return Promise.resolve(state.answer as T);
  }
  const engine = {
    notify: () => {},
    search: (request: SearchRequest) => reply<LogsResult | TableResult>(request),
    sql: (request: SqlRequest) => reply<TableResult>(request),
    histogram: (request: HistogramRequest) => {
      asked.push(request);
      return Promise.resolve([
        { from: request.from, to: request.to, count: 7, progress: 'Complete' as const },
      ]);
    },
  };
  const frontEnd = createHttpFrontEnd({
    backend: {
      catalog,
      storage,
      finder: createRecordFinder(),
      consumerGroups,
      resources,
      engine,
      clock,
      region: 'cn-hangzhou',
      ingest: createIngest({ catalog, storage, engine, clock }),
      view: (project, name) => {
        const { uid } = catalog.requireLogstore(project, name);
        return { uid, project, name, index: catalog.index(project, name), shards: storage.shards(uid) };
      },
    },
    authenticator: createAuthenticator({ mode: options.auth ?? 'any', accessKeys: [testKey], clock }),
    address: { baseDomains: defaultBaseDomains, ...options.address },
    log: silentLog,
  });
  const { port } = await frontEnd.listen({ host: '127.0.0.1', port: 0 });

  return {
    port,
    catalog,
    asked,
    get answer() {
      return state.answer;
    },
    set answer(answer) {
      state.answer = answer;
    },
    records(project, logstore) {
      const { uid } = catalog.requireLogstore(project, logstore);
      return storage
        .shards(uid)
        .map(({ directory, end }) =>
          [...readRecords(directory, 0, end)].map((one) => ({ ...one, bytes: Buffer.from(one.bytes) })),
        );
    },
    [Symbol.asyncDispose]: async () => {
      await frontEnd.stop();
      await storage.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export interface SentRequest {
  readonly method?: string;
  /** Path with query. */
  readonly path: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface ReceivedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  readonly bytes: Buffer;
}

/** Sends one request with `Host` as given, which `fetch` does not allow. */
export async function send(port: number, sent: SentRequest): Promise<ReceivedReply> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method: sent.method ?? 'GET',
      path: sent.path,
      headers: {
        host: sent.host ?? 'shop.sls.local',
        ...(sent.body === undefined ? {} : { 'content-length': Buffer.byteLength(sent.body) }),
        ...sent.headers,
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Record<string, string | undefined>,
          text: bytes.toString('utf8'),
          bytes,
        });
      });
    });
    outgoing.end(sent.body);
  });
}

/** Status and vendor code of an answer, with its sentence. */
export function errorOf(reply: ReceivedReply): [number, string, string] {
  const body = JSON.parse(reply.text) as { errorCode: string; errorMessage: string };
  return [reply.status, body.errorCode, body.errorMessage];
}
