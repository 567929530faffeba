import { deflateSync } from 'node:zlib';
import { decodeLogGroup, encodeLogGroup, encodeLz4Block, type LogGroup } from '@sampan/sls-wire';
import { describe, expect, it } from 'vitest';
import { errorOf, send, startFrontEnd, type TestFrontEnd } from './testing.ts';

const group: LogGroup = {
  topic: 'orders',
  source: '10.0.0.1',
  tags: [['host', 'a']],
  logs: [
    {
      time: 1_700_000_000,
      contents: [
        ['id', '中文'],
        ['empty', ''],
      ],
    },
  ],
};
const encoded = encodeLogGroup(group);
const lb = '/logstores/orders/shards/lb';

async function startWithStore(
  input: { shardCount?: number; appendMeta?: boolean } = {},
): Promise<TestFrontEnd> {
  const sls = await startFrontEnd();
  await sls.catalog.createProject({ projectName: 'shop' });
  await sls.catalog.createLogstore('shop', 'orders', { shardCount: 2, ...input });
  return sls;
}

function stored(sls: TestFrontEnd): LogGroup[] {
  return sls
    .records('shop', 'orders')
    .flat()
    .map((record) => decodeLogGroup(record.bytes));
}

function lz4Headers(rawBytes: number): Record<string, string> {
  return { 'x-log-compresstype': 'lz4', 'x-log-bodyrawsize': String(rawBytes) };
}

describe('PutLogs', () => {
  it.each([
    ['/logstores/orders/shards/lb'],
    ['/logstores/orders/shards/route?key=00000000000000000000000000000000'],
    ['/logstores/orders'],
  ])('stores the group byte by byte at %s, plain, as LZ4 block and as zlib stream', async (path) => {
    await using sls = await startWithStore();
    const type = { 'content-type': 'application/x-protobuf' };
    const bodies = [
      { body: encoded, headers: { ...type, 'x-log-bodyrawsize': '0' } },
      { body: encodeLz4Block(encoded), headers: { ...type, ...lz4Headers(encoded.length) } },
      {
        body: deflateSync(encoded),
        headers: { 'x-log-compresstype': 'deflate', 'x-log-bodyrawsize': String(encoded.length) },
      },
    ];
    for (const one of bodies) {
      const reply = await send(sls.port, { method: 'POST', path, ...one });
      expect([reply.status, reply.text, reply.headers['content-type']]).toEqual([200, '', undefined]);
    }
    const records = sls.records('shop', 'orders').flat();
    expect(records).toHaveLength(3);
    for (const record of records) expect(record.bytes.equals(encoded)).toBe(true);
  });

  it('lets the shards take turns, and a hash key choose, aligned left', async () => {
    await using sls = await startWithStore();
    for (let n = 0; n < 4; n++) await send(sls.port, { method: 'POST', path: lb, body: encoded });
    expect(sls.records('shop', 'orders').map((shard) => shard.length)).toEqual([2, 2]);
    const route = '/logstores/orders/shards/route?key=';
    for (const key of ['7f', '0', '7fffffffffffffffffffffffffffffff']) {
      await send(sls.port, { method: 'POST', path: route + key, body: encoded });
    }
    for (const key of ['8', 'F'.repeat(32)]) {
      await send(sls.port, { method: 'POST', path: route + key, body: encoded });
    }
    expect(sls.records('shop', 'orders').map((shard) => shard.length)).toEqual([5, 4]);
    const wrong = await send(sls.port, { method: 'POST', path: `${route}xyz`, body: encoded });
    expect(errorOf(wrong).slice(0, 2)).toEqual([400, 'ParameterInvalid']);
  });

  it('takes the JSON form, whatever the content type says', async () => {
    await using sls = await startWithStore();
    const body = JSON.stringify({
      __topic__: 't',
      __source__: 's',
      __tags__: { k: 'v' },
      __logs__: [{ a: '1', n: 2, __time__: '1700000001', __time_ns_part__: 5 }],
    });
    for (const type of ['application/json', 'application/x-protobuf']) {
      const reply = await send(sls.port, {
        method: 'POST',
        path: lb,
        body,
        headers: { 'content-type': type },
      });
      expect(reply.status).toBe(200);
    }
    expect(stored(sls)[1]).toEqual({
      topic: 't',
      source: 's',
      tags: [['k', 'v']],
      logs: [
        {
          time: 1_700_000_001,
          timeNs: 5,
          contents: [
            ['a', '1'],
            ['n', '2'],
          ],
        },
      ],
    });
  });

  it('adds address and time of receipt where the logstore asks for it', async () => {
    await using sls = await startWithStore({ appendMeta: true });
    await send(sls.port, { method: 'POST', path: lb, body: encoded });
    const tags = stored(sls)[0]?.tags ?? [];
    expect(tags.slice(0, 2)).toEqual([
      ['host', 'a'],
      ['__client_ip__', '127.0.0.1'],
    ]);
    expect(tags[2]?.[0]).toBe('__receive_time__');
    expect(tags[2]?.[1]).toMatch(/^\d{10}$/);
  });

  it('accepts a group without logs and stores nothing', async () => {
    await using sls = await startWithStore();
    const body = encodeLogGroup({ ...group, logs: [] });
    expect((await send(sls.port, { method: 'POST', path: lb, body })).status).toBe(200);
    expect((await send(sls.port, { method: 'POST', path: lb })).status).toBe(200);
    expect(stored(sls)).toEqual([]);
  });

  it.each<[string, Record<string, string>, Uint8Array | string, [number, string, string]]>([
    [
      'a truncated LZ4 block',
      lz4Headers(encoded.length),
      encodeLz4Block(encoded).subarray(0, 20),
      [400, 'PostBodyUncompressError', 'Fail to uncompress body content'],
    ],
    [
      'a raw size that is not that of the body',
      lz4Headers(encoded.length + 1),
      encodeLz4Block(encoded),
      [400, 'PostBodyUncompressError', 'Fail to uncompress body content'],
    ],
    [
      'a raw size over the limit',
      lz4Headers(10_485_761),
      encodeLz4Block(encoded),
      [400, 'PostBodyTooLarge', 'body size 10485761 must little than 10485760'],
    ],
    [
      'a body over the limit',
      {},
      Buffer.alloc(10_485_761),
      [400, 'PostBodyTooLarge', 'body size 10485761 must little than 10485760'],
    ],
    [
      'a raw size that is no number',
      { 'x-log-compresstype': 'lz4', 'x-log-bodyrawsize': '-1' },
      'x',
      [400, 'InvalidBodyRawSize', 'x-log-bodyrawsize -1 is invalid'],
    ],
    [
      'no raw size',
      { 'x-log-compresstype': 'lz4' },
      'x',
      [400, 'MissingBodyRawSize', 'x-log-bodyrawsize does not exist in header when it is necessary'],
    ],
    [
      'an unknown coding',
      { 'x-log-compresstype': 'snappy', 'x-log-bodyrawsize': '1' },
      'x',
      [400, 'InvalidCompressType', 'x-log-compresstype snappy is unsupported'],
    ],
    [
      'bytes that are no LogGroup',
      {},
      'rubbish',
      [400, 'PostBodyInvalid', 'Protobuffer content cannot be parsed'],
    ],
    [
      'JSON that is no log group',
      { 'content-type': 'application/json' },
      '{"__logs__":7}',
      [400, 'PostBodyInvalid', 'The request body is not valid JSON object.'],
    ],
    [
      'half a JSON text',
      {},
      '{"__logs__":[',
      [400, 'PostBodyInvalid', 'The request body is not valid JSON object.'],
    ],
    [
      'a package list that is none',
      { 'x-log-mode': 'batch_group' },
      'x',
      [400, 'PostBodyInvalid', 'Protobuffer content cannot be parsed'],
    ],
  ])("refuses %s with the service's words, and takes the next request", async (_, headers, body, error) => {
    await using sls = await startWithStore();
    expect(errorOf(await send(sls.port, { method: 'POST', path: lb, headers, body }))).toEqual(error);
    expect((await send(sls.port, { method: 'POST', path: lb, body: encoded })).status).toBe(200);
    expect(stored(sls)).toEqual([group]);
  });

  it('takes a list of packages, all of it or nothing', async () => {
    await using sls = await startWithStore({ shardCount: 1 });
    const headers = { 'x-log-mode': 'batch_group' };
    // SlsLogPackageList of SlsLogPackage { data, compress_type: NONE }; lengths are varints of two bytes.
    const field = (bytes: Uint8Array): Buffer =>
      Buffer.concat([Buffer.of(0x0a, 0x80 | (bytes.length & 0x7f), bytes.length >> 7), bytes]);
    const packed = (data: Uint8Array): Buffer => field(Buffer.concat([field(data), Buffer.of(0x18, 0)]));
    const broken = Buffer.concat([packed(encoded), packed(Buffer.from('x'))]);
    expect(errorOf(await send(sls.port, { method: 'POST', path: lb, headers, body: broken }))).toEqual([
      400,
      'PostBodyInvalid',
      'Protobuffer content cannot be parsed',
    ]);
    expect(stored(sls)).toEqual([]);
    const body = Buffer.concat([packed(encoded), packed(encoded)]);
    expect((await send(sls.port, { method: 'POST', path: lb, headers, body })).status).toBe(200);
    expect(stored(sls)).toEqual([group, group]);
  });

  it('knows neither unknown logstores nor unknown projects', async () => {
    await using sls = await startWithStore();
    const path = '/logstores/none/shards/lb';
    expect(errorOf(await send(sls.port, { method: 'POST', path, body: encoded }))).toEqual([
      404,
      'LogStoreNotExist',
      'logstore none does not exist',
    ]);
    expect(
      errorOf(await send(sls.port, { method: 'POST', path, body: encoded, host: 'none.sls.local' })),
    ).toEqual([404, 'ProjectNotExist', 'The Project does not exist: none']);
  });
});
