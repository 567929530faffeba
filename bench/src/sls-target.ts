import { request as sendHttp } from 'node:http';
import { authorizationV4, bodyHash, signV4 } from '@sampan/sls-wire';

/** A logstore of a running emulator, and the key that may use it. */
export interface SlsTarget {
  readonly host: string;
  readonly port: number;
  readonly project: string;
  readonly logstore: string;
  readonly region: string;
  readonly key: { readonly id: string; readonly secret: string };
}

/** The headers of a request signed with version 4 at this second. */
export function signedHeaders(
  target: SlsTarget,
  request: {
    readonly path: string;
    readonly contentType: string;
    readonly body: Uint8Array;
    /** The size before compression, when the body is an LZ4 block. */
    readonly lz4RawBytes?: number;
  },
): Record<string, string> {
  const { path, contentType, body, lz4RawBytes } = request;
  const sha256 = bodyHash(body);
  const time = `${new Date().toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
  const headers = {
    'content-type': contentType,
    host: `${target.project}.${target.region}.log.aliyuncs.com`,
    'x-log-apiversion': '0.6.0',
    'x-log-bodyrawsize': String(lz4RawBytes ?? body.length),
    ...(lz4RawBytes === undefined ? {} : { 'x-log-compresstype': 'lz4' }),
    'x-log-content-sha256': sha256,
    'x-log-date': time,
  };
  const scope = { date: time.slice(0, 8), region: target.region };
  const signed = { method: 'POST', path, query: [], headers };
  const signature = signV4(signed, { secret: target.key.secret, scope, sha256 });
  return {
    ...headers,
    authorization: authorizationV4(target.key.id, scope, signature),
    'content-length': String(body.length),
  };
}

/** Sends a JSON body and resolves with the parsed answer, if there is one. */
async function post(target: SlsTarget, path: string, value: unknown): Promise<unknown> {
  const body = Buffer.from(JSON.stringify(value));
  const { host, port } = target;
  const headers = signedHeaders(target, { path, contentType: 'application/json', body });
  return await new Promise<unknown>((resolve, reject) => {
    const outgoing = sendHttp({ host, port, method: 'POST', path, headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.once('end', () => {
        if (incoming.statusCode === 200) resolve(text === '' ? undefined : JSON.parse(text));
        else reject(new Error(`POST ${path} answered ${incoming.statusCode}: ${text}`));
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** Makes the project, the logstore with two shards, and an index on a few keys. */
export async function createLogstore(target: SlsTarget, shardCount = 2): Promise<void> {
  const token = [' ', ','];
  const text = { type: 'text', token, caseSensitive: false, chn: false, doc_value: true };
  await post(target, '/', { projectName: target.project, description: 'bench' });
  await post(target, '/logstores', { logstoreName: target.logstore, ttl: 30, shardCount });
  await post(target, `/logstores/${target.logstore}/index`, {
    line: { token, caseSensitive: false, chn: false },
    keys: {
      id: text,
      tenant_id: text,
      app_id: text,
      status: text,
      log_version: { type: 'long', doc_value: true },
    },
  });
}

/** How many logs a query finds. The answer comes when everything acknowledged before can be found. */
export async function countLogs(target: SlsTarget): Promise<number> {
  const answer = await post(target, `/logstores/${target.logstore}/logs`, {
    query: '* | SELECT count(*) AS n',
    from: 0,
    to: Math.floor(Date.now() / 1000) + 86_400,
  });
  const { data } = answer as { data?: readonly { n?: string }[] };
  return Number(data?.[0]?.n ?? 0);
}
