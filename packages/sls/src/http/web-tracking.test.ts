import { decodeLogGroup } from '@sampan/sls-wire';
import { describe, expect, it } from 'vitest';
import { errorOf, send, startFrontEnd } from './testing.ts';

type FrontEnd = Awaited<ReturnType<typeof startFrontEnd>>;

/** A front end that checks signatures, with a logstore that takes web tracking and one that does not. */
async function startTracked(): Promise<FrontEnd> {
  const sls = await startFrontEnd({ auth: 'strict' });
  await sls.catalog.createProject({ projectName: 'shop' });
  await sls.catalog.createLogstore('shop', 'clicks', { enable_tracking: true, shardCount: 1 });
  await sls.catalog.createLogstore('shop', 'orders');
  return sls;
}

function logged(sls: FrontEnd): unknown[] {
  return sls.records('shop', 'clicks').flatMap((shard) => shard.map(({ bytes }) => decodeLogGroup(bytes)));
}

describe('web tracking', () => {
  it('takes the parameters of an unsigned URL as fields', async () => {
    await using sls = await startTracked();
    const path = '/logstores/clicks/track?APIVersion=0.6.0&__topic__=t&__source__=s&a=1&b=x%20y&type=click';
    expect((await send(sls.port, { path })).status).toBe(200);
    expect(logged(sls)).toMatchObject([
      {
        topic: 't',
        source: 's',
        logs: [
          {
            contents: [
              ['a', '1'],
              ['b', 'x y'],
              ['type', 'click'],
            ],
          },
        ],
      },
    ]);
  });

  it.each([
    ['track.gif', [['a', '1']]],
    [
      'track_ua.gif',
      [
        ['a', '1'],
        ['__client_ip__', '127.0.0.1'],
        ['__userAgent__', 'Browser/1'],
        ['__referer__', 'http://a/'],
      ],
    ],
  ])('answers %s with a picture', async (name, contents) => {
    await using sls = await startTracked();
    const headers = { 'user-agent': 'Browser/1', referer: 'http://a/' };
    const reply = await send(sls.port, { path: `/logstores/clicks/${name}?APIVersion=0.6.0&a=1`, headers });
    expect(reply.headers['content-type']).toBe('image/gif');
    expect(reply.bytes.subarray(0, 6).toString('latin1')).toBe('GIF89a');
    expect(logged(sls)).toMatchObject([{ source: '127.0.0.1', logs: [{ contents }] }]);
  });

  it('takes many logs as JSON, plain or compressed', async () => {
    await using sls = await startTracked();
    const { deflateSync } = await import('node:zlib');
    const body = JSON.stringify({
      __topic__: 't',
      __source__: '',
      __logs__: [{ a: '1' }, { a: '2' }],
      __tags__: { k: 'v' },
    });
    const head = { 'x-log-apiversion': '0.6.0', 'x-log-bodyrawsize': String(body.length) };
    const request = { method: 'POST', path: '/logstores/clicks/track' };
    expect((await send(sls.port, { ...request, headers: head, body })).status).toBe(200);
    const headers = { ...head, 'x-log-compresstype': 'deflate' };
    expect((await send(sls.port, { ...request, headers, body: deflateSync(body) })).status).toBe(200);
    const group = {
      topic: 't',
      tags: [['k', 'v']],
      logs: [{ contents: [['a', '1']] }, { contents: [['a', '2']] }],
    };
    expect(logged(sls)).toMatchObject([group, group]);
    expect(errorOf(await send(sls.port, { ...request, headers: head, body: '{' }))).toEqual([
      400,
      'PostBodyInvalid',
      'The request body is not valid JSON object.',
    ]);
  });

  it('is refused by a logstore without enable_tracking, and by one that is not there', async () => {
    await using sls = await startTracked();
    for (const [method, path] of [
      ['GET', '/logstores/orders/track?APIVersion=0.6.0&a=1'],
      ['GET', '/logstores/orders/track.gif?a=1'],
      ['POST', '/logstores/orders/track'],
    ] as const) {
      const reply = await send(sls.port, {
        method,
        path,
        ...(method === 'POST' ? { body: '{"__logs__":[]}' } : {}),
      });
      expect(errorOf(reply).slice(0, 2)).toEqual([401, 'Unauthorized']);
    }
    expect(errorOf(await send(sls.port, { path: '/logstores/gone/track?a=1' }))[1]).toBe('LogStoreNotExist');
  });

  it('needs no signature, everything else does', async () => {
    await using sls = await startTracked();
    for (const path of ['/logstores/clicks', '/logstores/clicks/tracks', '/logstores/track']) {
      expect(errorOf(await send(sls.port, { path }))[1]).toBe('ParameterInvalid');
    }
  });

  it('takes at most 16 KB in a URL', async () => {
    await using sls = await startTracked();
    const reply = await send(sls.port, { path: `/logstores/clicks/track?a=${'x'.repeat(17_000)}` });
    expect(errorOf(reply).slice(0, 2)).toEqual([400, 'PostBodyTooLarge']);
  });

  it('is announced to browsers before they send', async () => {
    await using sls = await startTracked();
    const reply = await send(sls.port, {
      method: 'OPTIONS',
      path: '/logstores/clicks/track',
      headers: {
        origin: 'http://a',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-log-apiversion,x-log-bodyrawsize',
      },
    });
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'x-log-apiversion,x-log-bodyrawsize',
    });
    expect(reply.headers['access-control-allow-methods']).toContain('POST');
  });
});
