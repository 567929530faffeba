import { createHash } from 'node:crypto';
import { type Agent, request as sendHttp } from 'node:http';
import { type AccessKey, signV1, signV4, type UnsignedRequest } from './sls-signature.ts';

/** Where the log service is and who asks. */
export interface SlsTarget {
  /** `http://host:port` of the listener. */
  readonly url: string;
  readonly project: string;
  readonly key: AccessKey;
  readonly region?: string;
}

export interface SlsRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** What is sent instead of the signed `body`. */
  readonly bodyOnWire?: Uint8Array;
  /** Default: version 4. */
  readonly signature?: 'v1' | 'v4' | 'none';
  /** The time that the request claims; default: now. */
  readonly now?: Date;
  /** Replaces the computed `Authorization`. */
  readonly authorization?: (computed: string) => string;
  readonly agent?: Agent;
}

export interface SlsResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as JSON; `undefined` when it is empty. Throws when it is not JSON. */
  json(): unknown;
}

/** Headers and address of a request as they go over the wire. */
export function signedRequest(target: SlsTarget, request: SlsRequest): UnsignedRequest & { host: string } {
  const body = Buffer.from(request.body ?? '');
  const now = request.now ?? new Date();
  const headers: Record<string, string> = {
    host: `${target.project}.cn-hangzhou.log.aliyuncs.com`,
    'x-log-apiversion': '0.6.0',
    'x-log-bodyrawsize': String(body.length),
    ...request.headers,
  };
  if (request.signature === 'v1') {
    headers['date'] = now.toUTCString();
    headers['x-log-signaturemethod'] = 'hmac-sha1';
    if (body.length > 0) {
      headers['content-md5'] ??= createHash('md5').update(body).digest('hex').toUpperCase();
    }
  } else {
    headers['x-log-date'] = `${now.toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
    headers['x-log-content-sha256'] = createHash('sha256').update(body).digest('hex');
  }
  const unsigned = { method: request.method, path: request.path, query: request.query ?? {}, headers, body };
  if (request.signature !== 'none') {
    const computed =
      request.signature === 'v1'
        ? signV1(unsigned, target.key)
        : signV4(unsigned, target.key, target.region ?? 'cn-hangzhou');
    headers['authorization'] = request.authorization?.(computed) ?? computed;
  }
  return { ...unsigned, host: headers['host'] ?? '' };
}

/** Sends one request, signed as asked, and reads the whole answer. */
export async function sendToSls(target: SlsTarget, request: SlsRequest): Promise<SlsResponse> {
  const signed = signedRequest(target, request);
  const body = request.bodyOnWire ?? signed.body;
  const query = new URLSearchParams(signed.query).toString().replace(/\+/g, '%20');
  const url = new URL(target.url);
  return new Promise((resolve, reject) => {
    const outgoing = sendHttp(
      {
        host: url.hostname,
        port: url.port,
        method: request.method,
        path: request.path + (query === '' ? '' : `?${query}`),
        headers: { ...signed.headers, 'content-length': String(body.length) },
        ...(request.agent === undefined ? {} : { agent: request.agent }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const body = Buffer.concat(chunks);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: Object.fromEntries(
              Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
            ),
            body,
            json: () => (body.length === 0 ? undefined : JSON.parse(body.toString('utf8'))),
          });
        });
      },
    );
    outgoing.setTimeout(60_000, () =>
      outgoing.destroy(new Error(`no answer to ${request.method} ${request.path}`)),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Writes one uncompressed log group. */
export function putLogs(
  target: SlsTarget,
  logstore: string,
  body: Uint8Array,
  options: Partial<SlsRequest> = {},
): Promise<SlsResponse> {
  return sendToSls(target, {
    method: 'POST',
    path: `/logstores/${logstore}/shards/lb`,
    body,
    ...options,
    headers: { 'content-type': 'application/x-protobuf', ...options.headers },
  });
}

/** Reads logs with the POST form. */
export function getLogs(
  target: SlsTarget,
  logstore: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<SlsResponse> {
  return sendToSls(target, {
    method: 'POST',
    path: `/logstores/${logstore}/logs`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(parameters),
  });
}

/** An index with one text key for each name, and a line index. */
export function textIndexOf(names: readonly string[]): Record<string, unknown> {
  const token = [...', \'";=()[]{}?@&<>/:\n\t\r'];
  const text = { type: 'text', token, caseSensitive: false, chn: false, doc_value: true };
  return {
    line: { token, caseSensitive: false, chn: false },
    keys: Object.fromEntries(names.map((name) => [name, text])),
  };
}

/** Sends a request that must succeed and returns its JSON. */
export async function sendOk(target: SlsTarget, request: SlsRequest): Promise<unknown> {
  const answer = await sendToSls(target, request);
  if (answer.status !== 200) {
    throw new Error(`${request.method} ${request.path} answered ${answer.status}: ${answer.body.toString()}`);
  }
  return answer.json();
}

/** Creates a logstore (and its project when absent) with an index on text keys. */
export async function createLogstore(
  target: SlsTarget,
  logstore: string,
  keys: readonly string[],
): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const project = await sendToSls(target, { method: 'GET', path: '/' });
  if (project.status === 404) {
    const body = JSON.stringify({ projectName: target.project, description: 'made by a test' });
    await sendOk(target, { method: 'POST', path: '/', headers: json, body });
  }
  const store = JSON.stringify({ logstoreName: logstore, ttl: 30, shardCount: 2 });
  await sendOk(target, { method: 'POST', path: '/logstores', headers: json, body: store });
  const index = JSON.stringify(textIndexOf(keys));
  await sendOk(target, { method: 'POST', path: `/logstores/${logstore}/index`, headers: json, body: index });
}
