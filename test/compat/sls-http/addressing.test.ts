import { connectTcp, createTemporaryFolder } from '@sampan/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SlsProcess, startSlsProcess } from '../../src/apps.ts';
import { encodeLogGroup } from '../../src/log-group-bytes.ts';
import {
  createLogstore,
  getLogs,
  type SlsRequest,
  type SlsTarget,
  sendToSls,
  signedRequest,
} from '../../src/sls-request.ts';

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>;
let sls: SlsProcess;
let target: SlsTarget;

beforeAll(async () => {
  folder = await createTemporaryFolder();
  sls = await startSlsProcess(folder.path);
  target = sls.target('addressing');
  await createLogstore(target, 'events', ['id']);
});

afterAll(async () => {
  await sls?.stop();
  await folder?.[Symbol.asyncDispose]();
});

const getProject: SlsRequest = { method: 'GET', path: '/' };

/** The bytes of a signed request; `line` replaces the request line. */
function bytesOf(request: SlsRequest, line?: string, chunked = false): Buffer {
  const signed = signedRequest(target, request);
  const query = Object.entries(signed.query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const path = signed.path + (query.length === 0 ? '' : `?${query.join('&')}`);
  const length: Record<string, string> = chunked
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': String(signed.body.length) };
  const head = Object.entries({ ...signed.headers, ...length }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const start = Buffer.from(`${line ?? `${request.method} ${path} HTTP/1.1`}\r\n${head.join('')}\r\n`);
  if (!chunked) return Buffer.concat([start, signed.body]);
  const middle = Math.floor(signed.body.length / 2);
  const chunks = [signed.body.subarray(0, middle), signed.body.subarray(middle), new Uint8Array()].map(
    (chunk) => Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
  );
  return Buffer.concat([start, ...chunks]);
}

async function exchange(bytes: Uint8Array, answers = 1): Promise<string> {
  const { hostname, port } = new URL(target.url);
  await using client = await connectTcp(Number(port), hostname);
  client.send(bytes);
  const received = await client.waitFor(
    (seen) => (seen.toString('latin1').match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0) >= answers,
    `${answers} answers`,
  );
  return received.toString('utf8');
}

describe('the project is found in every form of address', () => {
  it.each([
    'addressing.cn-hangzhou.log.aliyuncs.com',
    'addressing.cn-hangzhou.log.aliyuncs.com:15080',
    'addressing.cn-hangzhou-intranet.log.aliyuncs.com',
    'Addressing.CN-Hangzhou.Log.Aliyuncs.Com',
    'addressing.127.0.0.1',
    'addressing.127.0.0.1:8080',
    'addressing.localhost:1',
    'addressing.sls.example',
    'addressing.some-container',
  ])('Host: %s', async (host) => {
    for (const signature of ['v1', 'v4'] as const) {
      const answer = await sendToSls(target, { ...getProject, headers: { host }, signature });
      expect(answer.json(), `${signature}`).toMatchObject({ projectName: 'addressing' });
    }
  });

  it.each(['cn-hangzhou.log.aliyuncs.com', '127.0.0.1', '127.0.0.1:8080', 'localhost', 'localhost:9'])(
    'a bare Host lists projects: %s',
    async (host) => {
      const answer = await sendToSls(target, { ...getProject, headers: { host } });
      expect(answer.json()).toMatchObject({
        count: 1,
        total: 1,
        projects: [expect.objectContaining({ projectName: 'addressing' })],
      });
    },
  );

  it('in the absolute form that clients send to a proxy; the URL counts, not the Host', async () => {
    const line = 'GET http://addressing.cn-hangzhou.log.aliyuncs.com:80/ HTTP/1.1';
    expect(await exchange(bytesOf(getProject, line))).toContain('"projectName":"addressing"');
  });

  it('with empty values in the query, as @alicloud/log sends them', async () => {
    const query = { logstoreName: '', offset: '', size: '' };
    for (const signature of ['v1', 'v4'] as const) {
      const answer = await sendToSls(target, { method: 'GET', path: '/logstores', query, signature });
      expect(answer.json()).toMatchObject({ count: 1, total: 1, logstores: ['events'] });
    }
    expect(await exchange(bytesOf({ ...getProject, signature: 'v1' }, 'GET /? HTTP/1.1'))).toContain(
      '200 OK',
    );
  });
});

describe('bodies on the wire', () => {
  const put: SlsRequest = {
    method: 'POST',
    path: '/logstores/events/shards/lb',
    headers: { 'content-type': 'application/x-protobuf' },
    body: encodeLogGroup({ logs: [{ time: 1_700_000_000, contents: [['id', 'chunked']] }] }),
  };

  it('may come in chunks without a length', async () => {
    expect(await exchange(bytesOf(put, undefined, true))).toMatch(/^HTTP\/1\.1 200/);
  });

  it('may be pipelined; the answers come in order', async () => {
    const missing = { ...getProject, path: '/logstores/nowhere' };
    const bytes = Buffer.concat([bytesOf(put), bytesOf(missing), bytesOf(getProject)]);
    const text = await exchange(bytes, 3);
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
  });

  it('are understood when they come byte by byte', async () => {
    const { hostname, port } = new URL(target.url);
    await using client = await connectTcp(Number(port), hostname);
    for (const byte of bytesOf(put)) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.waitFor((seen) => seen.toString('latin1').startsWith('HTTP/1.1 200'), 'the answer');
  });

  it('that break off leave nothing behind', async () => {
    const { hostname, port } = new URL(target.url);
    const whole = bytesOf({
      ...put,
      body: encodeLogGroup({ logs: [{ time: 1_700_000_000, contents: [['id', 'broken']] }] }),
    });
    for (const cut of [1, 20, 100, whole.length - 1]) {
      await using client = await connectTcp(Number(port), hostname);
      client.send(whole.subarray(0, cut));
    }
    const answer = await getLogs(target, 'events', {
      from: 1_699_999_999,
      to: 1_700_000_001,
      query: 'id:broken',
    });
    expect(answer.json()).toMatchObject({ data: [] });
  });

  it('as JSON are logs too', async () => {
    const body = JSON.stringify({
      __topic__: 't',
      __source__: '192.0.2.1',
      __tags__: { host: 'h1' },
      __logs__: [{ __time__: '1700000000', id: 'json' }],
    });
    const headers = { 'content-type': 'application/json' };
    const written = await sendToSls(target, { ...put, headers, body });
    expect(written.status, written.body.toString()).toBe(200);
    const answer = await getLogs(target, 'events', {
      from: 1_699_999_999,
      to: 1_700_000_001,
      query: 'id:json',
    });
    expect(answer.json()).toMatchObject({
      data: [
        { id: 'json', __topic__: 't', __source__: '192.0.2.1', '__tag__:host': 'h1', __time__: '1700000000' },
      ],
    });
  });
});

describe('HTTP that is none', () => {
  it.each([
    ['garbage', Buffer.from('\u0000\u0001 nothing\r\n\r\n')],
    ['a header of 200 KB', Buffer.from(`GET / HTTP/1.1\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`)],
    ['a negative length', Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n')],
    [
      'two lengths',
      Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef'),
    ],
    ['a broken chunk', Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')],
    [
      'a CONNECT',
      Buffer.from('CONNECT addressing.localhost:443 HTTP/1.1\r\nhost: addressing.localhost:443\r\n\r\n'),
    ],
    [
      'an upgrade',
      Buffer.from('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    ],
  ])('ends with a refusal and harms nobody: %s', async (_, bytes) => {
    const { hostname, port } = new URL(target.url);
    await using client = await connectTcp(Number(port), hostname);
    client.send(bytes);
    await client.waitFor((seen) => /^HTTP\/1\.1 4\d\d/.test(seen.toString('latin1')), 'a refusal');
    expect((await sendToSls(target, getProject)).status).toBe(200);
  });

  it.each([
    '/nowhere',
    '/logstores/events/nowhere',
    '/%zz',
    '/logstores/%00',
    '/../../etc/passwd',
    '/logstores/..%2f..%2f',
  ])('a path that is none gets an error in the shape of the vendor: %s', async (path) => {
    const answer = await sendToSls(target, { method: 'GET', path });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.json()).toMatchObject({ errorCode: expect.any(String), errorMessage: expect.any(String) });
  });
});
