import { createHash } from 'node:crypto';
import type { Clock } from '@sampan/base';
import type { LogGroup } from '@sampan/sls-wire';
import { connectTcp, type TcpClient } from '@sampan/testkit';
import type { LogstoreView, SqlRequest, TableResult } from '../index-engine/index-engine.ts';
import { createPgFrontEnd, type PgFrontEnd, type PgFrontEndOptions } from './front-end.ts';

export const testKey = { id: 'LTAItest', secret: 'se/cr+et=' };
export const testProject = 'dify';

/** A front end on a loopback port before a catalogue, an engine and a store that only remember. */
export interface FakeBackendPg extends AsyncDisposable {
  readonly frontEnd: PgFrontEnd;
  readonly port: number;
  readonly written: { project: string; logstore: string; group: LogGroup }[];
  readonly asked: SqlRequest[];
}

export interface FakeBackendOptions extends Partial<PgFrontEndOptions> {
  readonly answer?: (request: SqlRequest) => Promise<Pick<TableResult, 'columns' | 'rows'>>;
  readonly clock?: Clock;
}

const meta: TableResult['meta'] = {
  progress: 'Complete',
  count: 0,
  processedRows: 0,
  processedBytes: 0,
  elapsedMillisecond: 0,
  hasSQL: true,
  whereQuery: '*',
  aggQuery: '',
  cpuSec: 0,
  cpuCores: 0,
  mode: 0,
  limited: 0,
  isAccurate: true,
  keys: [],
  terms: [],
};

/** The logstores of the fake catalogue, with the index that Dify gives them in miniature. */
export const testLogstores: Readonly<Record<string, LogstoreView>> = {
  workflow_execution: viewOf('workflow_execution'),
  workflow_node_execution: viewOf('workflow_node_execution'),
};

function viewOf(name: string): LogstoreView {
  const keys = {
    id: { type: 'text' },
    total_tokens: { type: 'long' },
    elapsed_time: { type: 'double' },
  } as const;
  return { uid: `uid-${name}`, project: testProject, name, index: { keys }, shards: [] };
}

export const testCatalog: PgFrontEndOptions['catalog'] = {
  hasProject: (project) => project === testProject,
  view: (project, logstore) =>
    project === testProject && Object.hasOwn(testLogstores, logstore) ? testLogstores[logstore] : undefined,
  logstores: () => Object.keys(testLogstores),
};

export async function startFakeBackendPg(options: FakeBackendOptions = {}): Promise<FakeBackendPg> {
  const written: FakeBackendPg['written'] = [];
  const asked: SqlRequest[] = [];
  const { answer, ...rest } = options;
  const frontEnd = createPgFrontEnd({
    catalog: testCatalog,
    secretOf: (id) => (id === testKey.id ? testKey.secret : undefined),
    append: async (target) => {
      written.push(target);
    },
    engine: {
      sql: async (request) => {
        asked.push(request);
        const made = await (answer?.(request) ?? { columns: [], rows: [] });
        return { kind: 'table', ...made, meta };
      },
    },
    ...rest,
  });
  const { port } = await frontEnd.listen({ host: '127.0.0.1', port: 0 });
  return { frontEnd, port, written, asked, [Symbol.asyncDispose]: () => frontEnd.stop() };
}

/** One message of a client, built by hand from the protocol's description (PostgreSQL manual, 55.7). */
export function clientMessage(letter: string, body: Uint8Array | string = ''): Buffer {
  const payload = Buffer.from(body);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(payload.length + 4);
  return Buffer.concat([Buffer.from(letter), length, payload]);
}

export function queryMessage(sql: string): Buffer {
  return clientMessage('Q', `${sql}\0`);
}

/** A start-up packet of protocol 3.0, or of the code given. */
export function startupPacket(parameters: Readonly<Record<string, string>>, code = 0x0003_0000): Buffer {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${pairs.join('')}\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.writeUInt32BE(code, 4);
  return Buffer.concat([head, body]);
}

/** A request packet that is only a code: SSLRequest, GSSENCRequest. */
export function requestPacket(code: number): Buffer {
  const packet = Buffer.alloc(8);
  packet.writeUInt32BE(8);
  packet.writeUInt32BE(code, 4);
  return packet;
}

export interface ServerMessage {
  readonly letter: string;
  readonly payload: Buffer;
}

/** Cuts what a server sent into messages; a cut-off end is left out. */
export function serverMessages(bytes: Buffer): ServerMessage[] {
  const messages: ServerMessage[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const length = bytes.readUInt32BE(at + 1);
    if (at + 1 + length > bytes.length) break;
    messages.push({
      letter: String.fromCharCode(bytes[at] ?? 0),
      payload: bytes.subarray(at + 5, at + 1 + length),
    });
    at += 1 + length;
  }
  return messages;
}

/** The fields of an ErrorResponse or NoticeResponse by their letter. */
export function errorFieldsOf(message: ServerMessage | undefined): Record<string, string> {
  const texts = (message?.payload.toString('utf8') ?? '').split('\0').filter((text) => text !== '');
  return Object.fromEntries(texts.map((text) => [text.charAt(0), text.slice(1)]));
}

/** `Z` messages seen so far, that is, answers completed. */
export function readyCount(bytes: Buffer): number {
  return serverMessages(bytes).filter((message) => message.letter === 'Z').length;
}

/** MD5 answer as the manual describes it (55.2.1): md5(md5(password user) salt). */
export function md5Answer(salt: Buffer, secret = testKey.secret, user = testKey.id): Buffer {
  const inner = createHash('md5')
    .update(secret + user)
    .digest('hex');
  const outer = createHash('md5').update(inner).update(salt).digest('hex');
  return clientMessage('p', `md5${outer}\0`);
}

/** Connects in the clear and logs in; the returned client has seen the first ReadyForQuery. */
export async function logIn(
  port: number,
  parameters: Readonly<Record<string, string>> = {},
): Promise<TcpClient> {
  const client = await connectTcp(port);
  client.send(startupPacket({ user: testKey.id, database: testProject, ...parameters }));
  const asked = await client.waitFor((bytes) => serverMessages(bytes).length > 0, 'the password request');
  client.send(md5Answer(serverMessages(asked)[0]?.payload.subarray(4) ?? Buffer.alloc(4)));
  await client.waitFor((bytes) => readyCount(bytes) === 1, 'the end of the login');
  return client;
}

/** Sends bytes and returns the messages that answer them, up to the given number of ReadyForQuery. */
export async function exchange(client: TcpClient, bytes: Uint8Array, readies = 1): Promise<ServerMessage[]> {
  const before = client.received().length;
  client.send(bytes);
  const all = await client.waitFor(
    (received) => readyCount(received.subarray(before)) >= readies,
    `${readies} completed answers`,
  );
  return serverMessages(all.subarray(before));
}
