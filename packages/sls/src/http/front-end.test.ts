import { SlsError } from '@sampan/sls-wire';
import { connectTcp } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { errorOf, send, startFrontEnd } from './testing.ts';

describe('every answer', () => {
  it('has a request id of 24 upper-case hex digits, another one each time', async () => {
    await using sls = await startFrontEnd();
    const ids = [await send(sls.port, { path: '/' }), await send(sls.port, { path: '/nowhere' })].map(
      (reply) => reply.headers['x-log-requestid'] ?? '',
    );
    for (const id of ids) expect(id).toMatch(/^[0-9A-F]{24}$/);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('without a body has no content type, because the npm client would parse it', async () => {
    await using sls = await startFrontEnd();
    const reply = await send(sls.port, { method: 'POST', path: '/', body: '{"projectName":"shop"}' });
    expect([reply.status, reply.text, reply.headers['content-type']]).toEqual([200, '', undefined]);
    expect(reply.headers['content-length']).toBe('0');
  });

  it('is NotEmulated for what does not exist here, and names it', async () => {
    await using sls = await startFrontEnd();
    for (const [method, path, text] of [
      ['POST', '/metricstores', 'POST /metricstores is not emulated'],
      [
        'GET',
        '/logstores/a/shards/0?type=other&from=begin',
        'GET /logstores/a/shards/0?type=other is not emulated',
      ],
      [
        'POST',
        '/logstores/a/shards/0?action=other',
        'POST /logstores/a/shards/0?action=other is not emulated',
      ],
      ['PATCH', '/', 'PATCH / is not emulated'],
    ] as const) {
      expect(errorOf(await send(sls.port, { method, path }))).toEqual([400, 'NotEmulated', text]);
    }
  });

  it('is InternalServerError for a defect, without a word about it', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await sls.catalog.createLogstore('shop', 'orders');
    sls.answer = new TypeError('secret detail');
    const reply = await send(sls.port, { path: '/logstores/orders?type=log&from=0&to=1' });
    expect(errorOf(reply)).toEqual([500, 'InternalServerError', 'Internal server error']);
  });

  it("is the engine's own error when it has one", async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await sls.catalog.createLogstore('shop', 'orders');
    sls.answer = new SlsError(400, 'ParameterInvalid', 'no');
    const reply = await send(sls.port, { path: '/logstores/orders?type=log&from=0&to=1' });
    expect(errorOf(reply)).toEqual([400, 'ParameterInvalid', 'no']);
  });
});

describe('a request', () => {
  it('may come in absolute form, as through a proxy setting; the URL decides over Host', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    const reply = await send(sls.port, { path: 'http://shop.sls.local:80/?', host: '127.0.0.1' });
    expect(JSON.parse(reply.text)).toMatchObject({ projectName: 'shop' });
  });

  it('may be chunked, without a length', async () => {
    await using sls = await startFrontEnd();
    await using client = await connectTcp(sls.port);
    const body = '{"projectName":"chunked"}';
    client.send(
      'POST / HTTP/1.1\r\nHost: sls.local\r\nTransfer-Encoding: chunked\r\n\r\n' +
        `5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`,
    );
    await client.waitFor((bytes) => bytes.includes('HTTP/1.1 200'), 'a success');
    expect(sls.catalog.project('chunked')).toBeDefined();
  });

  it('may double the slashes and end with one', async () => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    const reply = await send(sls.port, { path: '//logstores/?offset=&size=&logstoreName=' });
    expect(JSON.parse(reply.text)).toEqual({ count: 0, total: 0, logstores: [] });
  });

  it('on one connection may follow one whose body was over 10 MB', async () => {
    await using sls = await startFrontEnd();
    await using client = await connectTcp(sls.port);
    const tooLarge = 10 * 1024 * 1024 + 1;
    client.send(
      `POST /logstores/a/shards/lb HTTP/1.1\r\nHost: shop.sls.local\r\nContent-Length: ${tooLarge}\r\n\r\n`,
    );
    client.send(Buffer.alloc(tooLarge));
    client.send('GET / HTTP/1.1\r\nHost: sls.local\r\n\r\n');
    const bytes = await client.waitFor((all) => all.includes('"projects":[]'), 'the second answer');
    expect(bytes.toString()).toContain('"errorCode":"PostBodyTooLarge"');
    expect(bytes.toString().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 200']);
  });

  it('that announces more than anybody would read is refused at once and closed', async () => {
    await using sls = await startFrontEnd();
    await using client = await connectTcp(sls.port);
    client.send('POST /logstores/a HTTP/1.1\r\nHost: shop.sls.local\r\nContent-Length: 99999999999\r\n\r\n');
    const bytes = await client.closed();
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 400 .*"errorCode":"PostBodyTooLarge"/s);
  });

  it('for a tunnel is refused with a sentence, and the next one works', async () => {
    await using sls = await startFrontEnd();
    await using client = await connectTcp(sls.port);
    client.send('CONNECT shop.sls.local:443 HTTP/1.1\r\nHost: shop.sls.local:443\r\n\r\n');
    const bytes = await client.closed();
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 400 .*"errorCode":"NotEmulated".*http:\/\/ endpoint/s);
    expect((await send(sls.port, { path: '/', host: 'sls.local' })).status).toBe(200);
  });

  it('of chunks without end is refused and closed', async () => {
    await using sls = await startFrontEnd();
    await using client = await connectTcp(sls.port);
    client.send('POST /logstores/a HTTP/1.1\r\nHost: shop.sls.local\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000), Buffer.from('\r\n')]);
    for (let megabytes = 0; megabytes < 70; megabytes++) client.send(chunk);
    const bytes = await client.waitFor((all) => all.includes('PostBodyTooLarge'), 'a refusal');
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    ['GET', '/%'],
    ['GET', '/logstores/%E0%A4%A'],
    ['GET', '/../../etc/passwd'],
    ['GET', '/logstores/__proto__'],
    ['GET', '/logstores/a?type=__proto__'],
    ['GET', '/logstores/a?type=constructor&%=%zz&&='],
    ['PROPFIND', '/'],
    ['GET', 'http:///'],
    ['GET', `/logstores/${'a'.repeat(2000)}`],
  ])('of %s %s gets an answer of the API', async (method, target) => {
    await using sls = await startFrontEnd();
    await sls.catalog.createProject({ projectName: 'shop' });
    await using client = await connectTcp(sls.port);
    client.send(`${method} ${target} HTTP/1.1\r\nHost: shop.sls.local\r\n\r\n`);
    const bytes = await client.waitFor((all) => all.includes('"errorCode"'), 'an answer');
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(bytes.toString()).toContain('x-log-requestid');
  });

  it.each([
    ['garbage', 'hello?\r\n\r\n'],
    ['a TLS greeting', Buffer.from('16030100f1010000ed0303', 'hex')],
    ['a head without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}`],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a chunk size that is no number',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ])('of %s gets 400 in the shape of the API, and others are served on', async (_, bytes) => {
    await using sls = await startFrontEnd();
    await using client = await connectTcp(sls.port);
    client.send(bytes);
    await client.waitFor((all) => all.includes('HTTP/1.1 400'), 'a refusal');
    expect((await send(sls.port, { path: '/', host: 'sls.local' })).status).toBe(200);
  });

  it('whose sender vanishes in the middle of the body harms nobody', async () => {
    await using sls = await startFrontEnd();
    const client = await connectTcp(sls.port);
    client.send('POST /logstores/a HTTP/1.1\r\nHost: shop.sls.local\r\nContent-Length: 100\r\n\r\nhalf');
    await client[Symbol.asyncDispose]();
    expect((await send(sls.port, { path: '/', host: 'sls.local' })).status).toBe(200);
  });
});
