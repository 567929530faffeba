import { inflateSync } from 'node:zlib';
import { decompress } from '@sampan/sls-wire';
import { describe, expect, it } from 'vitest';
import { emptyMeta, errorOf, send, startFrontEnd, type TestFrontEnd } from './testing.ts';

async function startWithStore(): Promise<TestFrontEnd> {
  const sls = await startFrontEnd();
  await sls.catalog.createProject({ projectName: 'shop' });
  await sls.catalog.createLogstore('shop', 'orders');
  return sls;
}

const table: TestFrontEnd['answer'] = {
  kind: 'table',
  columns: [
    { name: 'status', type: 'varchar' },
    { name: 'pv', type: 'bigint' },
  ],
  rows: [
    ['200', '12'],
    [null, '3'],
  ],
  meta: {
    ...emptyMeta,
    count: 2,
    hasSQL: true,
    whereQuery: '状态: a\nb',
    aggQuery: 'select 1',
    keys: ['status', 'pv'],
    terms: [{ key: 'k', term: '词' }],
    columnTypes: ['varchar', 'bigint'],
  },
};

describe('GetLogs', () => {
  it('in its old form puts rows into an array and everything else into headers', async () => {
    await using sls = await startWithStore();
    sls.answer = table;
    const query = encodeURIComponent('* | select status, count(1) as pv group by status');
    const reply = await send(sls.port, {
      path: `/logstores/orders?type=log&from=10&to=20&query=${query}&line=1000&offset=3&reverse=True&topic=`,
    });
    expect(JSON.parse(reply.text)).toEqual([
      { status: '200', pv: '12' },
      { status: 'null', pv: '3' },
    ]);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json',
      'x-log-progress': 'Complete',
      'x-log-count': '2',
      'x-log-has-sql': 'true',
      'x-log-agg-query': 'select 1',
      // Neither line ends nor multi-byte characters may reach a header.
      'x-log-where-query': '%E7%8A%B6%E6%80%81: a%0Ab',
    });
    const info = reply.headers['x-log-query-info'] ?? '';
    expect(info).toContain('\\u8bcd');
    expect(JSON.parse(info)).toMatchObject({
      keys: ['status', 'pv'],
      terms: [['词', 'k']],
      limited: '100',
      isAccurate: 1,
      columnTypes: ['varchar', 'bigint'],
    });
    expect(sls.asked).toMatchObject([
      {
        from: 10,
        to: 20,
        line: 100,
        offset: 3,
        reverse: true,
        query: '* | select status, count(1) as pv group by status',
        logstore: { project: 'shop', name: 'orders' },
      },
    ]);
    expect(sls.asked[0]).not.toHaveProperty('topic');
  });

  it('in its new form answers meta and data', async () => {
    await using sls = await startWithStore();
    sls.answer = table;
    const reply = await send(sls.port, {
      method: 'POST',
      path: '/logstores/orders/logs',
      headers: { 'accept-encoding': 'gzip, deflate' },
      body: JSON.stringify({
        from: 0,
        to: 20,
        query: '*',
        powerSql: false,
        reverse: false,
        topic: 't',
        fromNs: 0,
        toNs: 0,
      }),
    });
    expect(reply.headers['x-log-compresstype']).toBeUndefined();
    expect(JSON.parse(reply.text)).toMatchObject({
      meta: {
        count: 2,
        progress: 'Complete',
        hasSQL: true,
        keys: ['status', 'pv'],
        terms: [{ key: 'k', term: '词' }],
        limited: 100,
        telementryType: '',
        isAccurate: true,
        columnTypes: ['varchar', 'bigint'],
      },
      data: [
        { status: '200', pv: '12' },
        { status: 'null', pv: '3' },
      ],
    });
    expect(sls.asked).toMatchObject([{ from: 0, to: 20, line: 100, offset: 0, reverse: false, topic: 't' }]);
  });

  it('compresses its new form when exactly one coding is asked for', async () => {
    await using sls = await startWithStore();
    const ask = (coding: string) =>
      send(sls.port, {
        method: 'POST',
        path: '/logstores/orders/logs',
        headers: { 'accept-encoding': coding },
        body: '{"from":0,"to":20}',
      });
    const plain = (await ask('')).text;
    for (const coding of ['lz4', 'deflate', 'gzip'] as const) {
      const reply = await ask(coding);
      expect(reply.headers).toMatchObject({
        'x-log-compresstype': coding,
        'x-log-bodyrawsize': String(Buffer.byteLength(plain)),
      });
      expect(reply.headers['content-encoding']).toBeUndefined();
      // Clients undo gzip as a zlib stream.
      const raw =
        coding === 'lz4'
          ? decompress('lz4', reply.bytes, Buffer.byteLength(plain))
          : inflateSync(reply.bytes);
      expect(raw.toString()).toBe(plain);
    }
  });

  it.each([
    ['from=-1&to=5', 'ParameterInvalid', 'The parameter from must be a positive integer'],
    ['from=1&to=5&offset=-1', 'ParameterInvalid', 'limit expression is required'],
    ['from=5&to=5', 'InvalidTimeRange', 'request time range is invalid'],
    ['from=6&to=5', 'InvalidTimeRange', 'request time range is invalid'],
    ['to=5', 'ParameterInvalid', 'The parameter from is required'],
    ['from=1&to=now', 'ParameterInvalid', 'The parameter to must be an integer'],
  ])('refuses %s', async (parameters, code, message) => {
    await using sls = await startWithStore();
    const reply = await send(sls.port, { path: `/logstores/orders?type=log&${parameters}` });
    expect(errorOf(reply)).toEqual([400, code, message]);
    expect(sls.asked).toEqual([]);
  });

  it('refuses a body whose fields have other types', async () => {
    await using sls = await startWithStore();
    const reply = await send(sls.port, {
      method: 'POST',
      path: '/logstores/orders/logs',
      body: '{"from":0,"to":5,"query":{}}',
    });
    expect(errorOf(reply)).toEqual([400, 'ParameterInvalid', 'The parameter query is invalid']);
  });
});

describe('GetHistograms', () => {
  it('answers on both of its paths', async () => {
    await using sls = await startWithStore();
    for (const path of ['/logstores/orders', '/logstores/orders/index']) {
      const reply = await send(sls.port, { path: `${path}?type=histogram&from=10&to=20&query=a&interval=5` });
      expect(JSON.parse(reply.text)).toEqual([{ from: 10, to: 20, count: 7, progress: 'Complete' }]);
      expect(reply.headers).toMatchObject({ 'x-log-progress': 'Complete', 'x-log-count': '7' });
    }
    expect(sls.asked).toMatchObject([{ from: 10, to: 20, query: 'a', interval: 5 }, { interval: 5 }]);
  });
});

describe('GetProjectLogs', () => {
  it('asks the logstore that FROM names', async () => {
    await using sls = await startWithStore();
    sls.answer = table;
    const query = encodeURIComponent('SELECT status, pv FROM "orders" WHERE __time__ > 1');
    const reply = await send(sls.port, { path: `/logs?query=${query}` });
    expect(JSON.parse(reply.text)).toEqual([
      { status: '200', pv: '12' },
      { status: 'null', pv: '3' },
    ]);
    expect(sls.asked).toMatchObject([{ logstore: { name: 'orders' } }]);
    expect(errorOf(await send(sls.port, { path: '/logs?query=SELECT%201' }))[1]).toBe('ParameterInvalid');
    expect(errorOf(await send(sls.port, { path: '/logs?query=SELECT%201%20FROM%20none' }))[1]).toBe(
      'LogStoreNotExist',
    );
  });
});
