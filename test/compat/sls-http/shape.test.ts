import { createTemporaryFolder } from '@sampan/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SlsProcess, startSlsProcess } from '../../src/apps.ts';
import { encodeLogGroup } from '../../src/log-group-bytes.ts';
import {
  createLogstore,
  getLogs,
  putLogs,
  type SlsResponse,
  type SlsTarget,
  sendToSls,
} from '../../src/sls-request.ts';

const time = 1_700_000_000;
let folder: Awaited<ReturnType<typeof createTemporaryFolder>>;
let sls: SlsProcess;
let target: SlsTarget;

beforeAll(async () => {
  folder = await createTemporaryFolder();
  sls = await startSlsProcess(folder.path);
  target = sls.target('shape');
  await createLogstore(target, 'events', ['id', 'note']);
  for (let number = 0; number < 250; number++) {
    const contents = [
      ['id', `n${number}`],
      ['note', number % 2 === 0 ? 'even' : 'odd 奇数'],
    ] as const;
    await putLogs(
      target,
      'events',
      encodeLogGroup({ logs: [{ time: time + number, contents }], topic: 'numbers' }),
    );
  }
});

afterAll(async () => {
  await sls?.stop();
  await folder?.[Symbol.asyncDispose]();
});

function get(path: string, query: Readonly<Record<string, string>> = {}): Promise<SlsResponse> {
  return sendToSls(target, { method: 'GET', path, query });
}

function oldForm(query: Readonly<Record<string, string>>): Promise<SlsResponse> {
  return get('/logstores/events', { type: 'log', from: String(time), to: String(time + 1000), ...query });
}

const everything = { from: time, to: time + 1000 };

describe('every answer', () => {
  it('has a request id, and a content type of JSON only with a body', async () => {
    const json = { 'content-type': 'application/json' };
    const body = JSON.stringify({ logstoreName: 'other', ttl: 1, shardCount: 1 });
    const created = await sendToSls(target, { method: 'POST', path: '/logstores', headers: json, body });
    const deleted = await sendToSls(target, { method: 'DELETE', path: '/logstores/other' });
    const put = await putLogs(target, 'events', new Uint8Array());
    for (const answer of [created, deleted, put]) {
      expect(answer.status).toBe(200);
      expect(answer.body.length).toBe(0);
      expect(answer.headers['content-type'] ?? '').not.toContain('json');
      expect(answer.headers['x-log-requestid']).toMatch(/^[0-9A-F]{24}$/);
    }
    const read = await get('/');
    expect(read.headers['content-type']).toMatch(/^application\/json/);
    expect(read.headers['content-encoding']).toBeUndefined();
    expect(Number(read.headers['x-log-time'] ?? Date.now() / 1000)).toBeCloseTo(Date.now() / 1000, -2);
  });

  it('has the types that strict clients demand', async () => {
    expect((await get('/')).json()).toMatchObject({
      projectName: 'shape',
      status: 'Normal',
      description: expect.any(String),
      region: expect.any(String),
      owner: expect.any(String),
      createTime: expect.stringMatching(/^\d{10}$/),
      lastModifyTime: expect.stringMatching(/^\d{10}$/),
    });
    expect((await get('/logstores/events')).json()).toMatchObject({
      logstoreName: 'events',
      ttl: 30,
      shardCount: 2,
      enable_tracking: false,
      appendMeta: false,
      autoSplit: expect.any(Boolean),
      maxSplitShard: expect.any(Number),
      mode: 'standard',
      productType: '',
      createTime: expect.any(Number),
      lastModifyTime: expect.any(Number),
    });
    expect((await get('/logstores/events/index')).json()).toMatchObject({
      index_mode: 'v2',
      storage: 'pg',
      ttl: expect.any(Number),
      lastModifyTime: expect.any(Number),
    });
  });

  it('lists shards that split the whole space', async () => {
    const shards = (await get('/logstores/events/shards')).json() as Record<string, unknown>[];
    expect(shards).toHaveLength(2);
    expect(shards[0]).toMatchObject({
      shardID: 0,
      status: 'readwrite',
      inclusiveBeginKey: '0'.repeat(32),
      exclusiveEndKey: `8${'0'.repeat(31)}`,
      createTime: expect.any(Number),
    });
    expect(shards[1]).toMatchObject({
      shardID: 1,
      inclusiveBeginKey: `8${'0'.repeat(31)}`,
      exclusiveEndKey: 'f'.repeat(32),
    });
  });
});

describe('GetLogs', () => {
  it('in its old form is an array with the rest in headers', async () => {
    const answer = await oldForm({ query: 'note:even', line: '3' });
    expect(answer.json()).toEqual(
      [0, 2, 4].map((number) => ({
        __time__: String(time + number),
        __topic__: 'numbers',
        __source__: expect.any(String),
        id: `n${number}`,
        note: 'even',
      })),
    );
    expect(answer.headers).toMatchObject({
      'x-log-progress': 'Complete',
      'x-log-count': '3',
      'x-log-has-sql': 'false',
      'x-log-where-query': 'note:even',
      'x-log-agg-query': '',
      'x-log-processed-rows': expect.stringMatching(/^\d+$/),
      'x-log-elapsed-millisecond': expect.stringMatching(/^\d+$/),
    });
    const info = JSON.parse(answer.headers['x-log-query-info'] ?? '') as Record<string, unknown>;
    expect(info).toMatchObject({ mode: 0 });
    expect(answer.headers['x-log-query-info']).toMatch(/^[\u0020-\u007e]+$/);
  });

  it('in its old form with SQL has the columns in order, and NULL is the text null', async () => {
    const query =
      "* | SELECT note, COUNT(*) AS n, MAX(CASE WHEN id = 'none' THEN id END) AS nothing FROM events GROUP BY note ORDER BY note";
    const answer = await oldForm({ query });
    expect(answer.json()).toMatchObject([
      { note: 'even', n: '125', nothing: 'null' },
      { note: 'odd 奇数', n: '125', nothing: 'null' },
    ]);
    expect(answer.headers).toMatchObject({ 'x-log-has-sql': 'true', 'x-log-where-query': '*' });
    const info = JSON.parse(answer.headers['x-log-query-info'] ?? '') as { keys: string[]; limited: string };
    expect(info.keys).toEqual(['note', 'n', 'nothing']);
    expect(info.limited).toBe('100');
  });

  it('in its new form is meta and data', async () => {
    const answer = await getLogs(target, 'events', {
      ...everything,
      query: 'note:奇数',
      line: 2,
      offset: 1,
      reverse: true,
    });
    expect(answer.json()).toMatchObject({
      meta: {
        progress: 'Complete',
        count: 2,
        hasSQL: false,
        whereQuery: 'note:奇数',
        aggQuery: '',
        mode: 0,
        isAccurate: expect.any(Boolean),
        terms: expect.arrayContaining([expect.objectContaining({ key: 'note' })]),
        processedRows: expect.any(Number),
        elapsedMillisecond: expect.any(Number),
        limited: expect.any(Number),
      },
      data: [{ id: 'n247' }, { id: 'n245' }],
    });
  });

  it('never gives more than a hundred rows of a search at once, and pages through all', async () => {
    const seen: string[] = [];
    for (const offset of [0, 100, 200]) {
      const answer = await getLogs(target, 'events', { ...everything, query: '*', line: 1000, offset });
      const { data } = answer.json() as { data: { id: string }[] };
      seen.push(...data.map(({ id }) => id));
      expect(data.length).toBe(offset === 200 ? 50 : 100);
    }
    expect(seen).toEqual(Array.from({ length: 250 }, (_, number) => `n${number}`));
  });

  it('filters by topic', async () => {
    for (const [topic, count] of [
      ['numbers', 100],
      ['others', 0],
    ] as const) {
      const answer = await getLogs(target, 'events', { ...everything, query: '*', topic });
      expect((answer.json() as { data: unknown[] }).data).toHaveLength(count);
    }
  });

  it.each(['lz4', 'deflate', 'gzip'])(
    'compresses its new form when asked for exactly %s',
    async (encoding) => {
      const body = JSON.stringify({ ...everything, query: '*' });
      const headers = { 'content-type': 'application/json', 'accept-encoding': encoding };
      const answer = await sendToSls(target, {
        method: 'POST',
        path: '/logstores/events/logs',
        headers,
        body,
      });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-encoding']).toBeUndefined();
      const type = answer.headers['x-log-compresstype'];
      if (type === undefined) expect(answer.json()).toHaveProperty('data');
      else {
        expect(type).toBe(encoding);
        expect(Number(answer.headers['x-log-bodyrawsize'])).toBeGreaterThan(answer.body.length);
        // Under the label gzip travels a zlib stream too.
        if (encoding !== 'lz4') expect(answer.body[0]).toBe(0x78);
      }
    },
  );

  it('stays plain for a list of encodings, which comes from HTTP libraries', async () => {
    const body = JSON.stringify({ ...everything, query: '*' });
    const headers = { 'content-type': 'application/json', 'accept-encoding': 'gzip, deflate' };
    const answer = await sendToSls(target, { method: 'POST', path: '/logstores/events/logs', headers, body });
    expect(answer.headers['x-log-compresstype']).toBeUndefined();
    expect((answer.json() as { data: unknown[] }).data).toHaveLength(100);
  });
});

describe('GetHistograms', () => {
  it.each([
    ['/logstores/events', 'histogram'],
    ['/logstores/events/index', 'histogram'],
  ])('adds up and covers the range without a gap: %s', async (path, type) => {
    const answer = await get(path, {
      type,
      from: String(time - 50),
      to: String(time + 1000),
      query: 'note:odd',
    });
    const slots = answer.json() as { from: number; to: number; count: number; progress: string }[];
    expect(slots[0]?.from).toBe(time - 50);
    expect(slots.at(-1)?.to).toBe(time + 1000);
    for (const [number, slot] of slots.entries()) {
      if (number > 0) expect(slot.from).toBe(slots[number - 1]?.to);
      expect(slot.progress).toBe('Complete');
    }
    expect(slots.reduce((sum, { count }) => sum + count, 0)).toBe(125);
    expect(answer.headers).toMatchObject({ 'x-log-progress': 'Complete', 'x-log-count': '125' });
  });
});

describe('SQL (without FROM it reads the logs all the same, so it has a row for each)', () => {
  async function rows(sql: string): Promise<unknown> {
    const answer = await getLogs(target, 'events', { ...everything, query: `* | ${sql}` });
    expect(answer.status, answer.body.toString()).toBe(200);
    return (answer.json() as { data: unknown }).data;
  }

  it.each([
    [
      'SELECT 7 / 2 AS q, -7 / 2 AS r, 7 % 3 AS s, 7.0 / 2 AS t LIMIT 1',
      [{ q: '3', r: '-3', s: '1', t: '3.5' }],
    ],
    ["SELECT COUNT(*) FROM log WHERE note = 'even'", [{ _col0: '125' }]],
    ['SELECT COUNT(*) AS n, COUNT(DISTINCT note) AS d FROM events', [{ n: '250', d: '2' }]],
    ['SELECT id FROM events ORDER BY __time__ DESC LIMIT 2', [{ id: 'n249' }, { id: 'n248' }]],
    ['SELECT id FROM events ORDER BY __time__ LIMIT 3, 2', [{ id: 'n3' }, { id: 'n4' }]],
    [
      'SELECT MIN(__time__) AS a, MAX(__time__) AS b FROM events',
      [{ a: String(time), b: String(time + 249) }],
    ],
    [
      "SELECT date_format(from_unixtime(1700000000), '%Y-%m-%d %H:%i:%s') AS d LIMIT 1",
      [{ d: '2023-11-14 22:13:20' }],
    ],
    [
      "SELECT to_unixtime(from_iso8601_timestamp('2023-11-14T22:13:20Z')) = 1700000000 AS same LIMIT 1",
      [{ same: 'true' }],
    ],
    [
      'SELECT DATE(from_unixtime(__time__)) AS day, COUNT(*) AS n FROM events GROUP BY day',
      [{ day: '2023-11-14', n: '250' }],
    ],
    ["SELECT COUNT(*) AS n FROM events WHERE id LIKE 'n1%' AND note <> 'even'", [{ n: '56' }]],
    [
      "SELECT upper('ß') AS u, length('查询') AS l, substr('abc', 2) AS s, strpos('abc', 'c') AS p LIMIT 1",
      [{ u: expect.any(String), l: '2', s: 'bc', p: '3' }],
    ],
    [
      "SELECT NULL AS nothing, '' AS empty, 'null' AS word LIMIT 1",
      [{ nothing: 'null', empty: '', word: 'null' }],
    ],
    [
      'SELECT note, n FROM (SELECT note, COUNT(*) AS n FROM log GROUP BY note) ORDER BY n, note',
      [
        { note: 'even', n: '125' },
        { note: 'odd 奇数', n: '125' },
      ],
    ],
  ])('%s', async (sql, expected) => {
    expect(await rows(sql)).toEqual(expected);
  });

  it('narrows to the search before the pipe', async () => {
    const answer = await getLogs(target, 'events', {
      ...everything,
      query: 'note:even | SELECT COUNT(*) AS n FROM log',
    });
    expect(answer.json()).toMatchObject({
      data: [{ n: '125' }],
      meta: { hasSQL: true, whereQuery: 'note:even' },
    });
  });

  it('narrows to the range of the request', async () => {
    const answer = await getLogs(target, 'events', {
      from: time,
      to: time + 10,
      query: '* | SELECT COUNT(*) AS n FROM log',
    });
    expect(answer.json()).toMatchObject({ data: [{ n: '10' }] });
  });
});
