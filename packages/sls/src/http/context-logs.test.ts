import { encodeLogGroup } from '@sampan/sls-wire';
import { describe, expect, it } from 'vitest';
import type { Sls } from '../sls.ts';
import { startSls } from '../testing.ts';
import { errorOf, type ReceivedReply, send } from './testing.ts';

type Row = Record<string, string>;

async function startShop(shardCount: number): Promise<Sls> {
  const sls = await startSls({ auth: 'any', pg: false });
  await sls.catalog.ensureProject({ projectName: 'shop' });
  await sls.catalog.ensureLogstore('shop', 'web', { shardCount });
  await sls.catalog.ensureIndex('shop', 'web', { keys: { n: { type: 'text', token: [' '] } } });
  return sls;
}

interface Sent {
  readonly packId?: string;
  readonly names: readonly string[];
  readonly topic?: string;
}

async function put(sls: Sls, sent: Sent): Promise<void> {
  const body = encodeLogGroup({
    topic: sent.topic ?? '',
    source: '192.0.2.1',
    tags: sent.packId === undefined ? [] : [['__pack_id__', sent.packId]],
    // All at one time: only their places tell their order.
    logs: sent.names.map((name) => ({ time: 1_700_000_000, contents: [['n', name]] })),
  });
  const path = '/logstores/web/shards/lb';
  expect((await send(sls.httpPort, { method: 'POST', path, body })).status).toBe(200);
}

async function find(sls: Sls, query: string): Promise<Row[]> {
  const parameters = `type=log&from=1&to=2000000000&query=${encodeURIComponent(query)}`;
  return JSON.parse((await send(sls.httpPort, { path: `/logstores/web?${parameters}` })).text) as Row[];
}

function context(sls: Sls, row: Row, lines: string): Promise<ReceivedReply> {
  const meta = encodeURIComponent(row['__pack_meta__'] ?? '');
  const parameters = `pack_id=${row['__tag__:__pack_id__'] ?? ''}&pack_meta=${meta}&${lines}`;
  return send(sls.httpPort, { path: `/logstores/web?type=context_log&${parameters}` });
}

const namesOf = (reply: ReceivedReply): unknown =>
  (JSON.parse(reply.text) as { logs: Row[] }).logs.map((row) => `${row['__index_number__']} ${row['n']}`);

describe('GetContextLogs', () => {
  it('finds what a producer sent before and after, though it spread it over the shards', async () => {
    await using sls = await startShop(3);
    for (let number = 8; number < 18; number++) {
      await put(sls, {
        packId: `AB12-${number.toString(16).toUpperCase()}`,
        names: [`${number}a`, `${number}b`],
      });
      await put(sls, { packId: `FFFF-${number.toString(16)}`, names: [`other${number}`] });
    }
    const [row = {}] = await find(sls, 'n: 12a | with_pack_meta');
    expect(row).toMatchObject({ n: '12a', '__tag__:__pack_id__': 'AB12-C' });
    expect(row['__pack_meta__']).toMatch(/^[0-2]\|MTk[A-Za-z0-9+/]+=*\|2\|0$/);

    const reply = await context(sls, row, 'back_lines=3&forward_lines=2');
    expect(JSON.parse(reply.text)).toMatchObject({
      progress: 'Complete',
      total_lines: 6,
      back_lines: 3,
      forward_lines: 2,
    });
    expect(namesOf(reply)).toEqual(['-3 10b', '-2 11a', '-1 11b', '0 12a', '1 12b', '2 13a']);
    const { logs } = JSON.parse(reply.text) as { logs: Row[] };
    expect(logs[3]).toMatchObject({ __time__: '1700000000', __source__: '192.0.2.1', __topic__: '' });
    // A row of the answer leads further.
    expect(namesOf(await context(sls, logs[0] ?? {}, 'back_lines=1&forward_lines=0'))).toEqual([
      '-1 10a',
      '0 10b',
    ]);
  });

  it('ends where the logs end', async () => {
    await using sls = await startShop(1);
    await put(sls, { packId: 'AB-1', names: ['first', 'second'] });
    const [row = {}] = await find(sls, 'n: second | with_pack_meta');
    expect(namesOf(await context(sls, row, 'back_lines=100&forward_lines=100'))).toEqual([
      '-1 first',
      '0 second',
    ]);
  });

  it('takes neighbours of one topic and source together when their producer does not number them', async () => {
    await using sls = await startShop(1);
    await put(sls, { names: ['one'], topic: 'x' });
    await put(sls, { names: ['stranger'], topic: 'y' });
    await put(sls, { names: ['two', 'three'], topic: 'x' });
    const [row = {}] = await find(sls, 'n: two | with_pack_meta');
    expect(row['__tag__:__pack_id__']).toBe('');
    expect(namesOf(await context(sls, row, 'back_lines=5&forward_lines=5'))).toEqual([
      '-1 one',
      '0 two',
      '1 three',
    ]);
  });

  it('refuses places that are not there and another producer', async () => {
    await using sls = await startShop(1);
    await put(sls, { packId: 'AB-1', names: ['a'] });
    const [row = {}] = await find(sls, 'n: a | with_pack_meta');
    const meta = row['__pack_meta__'] ?? '';
    const ask = async (changed: Row, lines = ''): Promise<unknown[]> =>
      errorOf(await context(sls, { ...row, ...changed }, `back_lines=1&forward_lines=1${lines}`));
    const invalid = [400, 'ParameterInvalid', 'pack_meta is invalid'];
    expect(await ask({ __pack_meta__: '' })).toEqual(invalid);
    expect(await ask({ __pack_meta__: meta.replace(/^0/, '7') })).toEqual(invalid);
    expect(await ask({ __pack_meta__: meta.replace(/0$/, '1') })).toEqual(invalid);
    expect(await ask({ '__tag__:__pack_id__': 'CD-1' })).toEqual([
      400,
      'ParameterInvalid',
      'pack_id is invalid',
    ]);
    const many = await context(sls, row, 'back_lines=101&forward_lines=1');
    expect(errorOf(many)[1]).toBe('ParameterInvalid');
  });
});

describe('ListTopics', () => {
  it('lists names in order, page by page', async () => {
    await using sls = await startShop(2);
    for (const topic of ['b', '订单', "it's", 'a', 'b']) await put(sls, { names: ['x'], topic });
    const page = async (parameters: string): Promise<unknown[]> => {
      const reply = await send(sls.httpPort, { path: `/logstores/web?type=topic&${parameters}` });
      expect(reply.status, reply.text).toBe(200);
      return [JSON.parse(reply.text), reply.headers['x-log-count'], reply.headers['x-log-nexttoken']];
    };
    expect(await page('line=100')).toEqual([['a', 'b', "it's", '订单'], '4', '']);
    expect(await page('line=2')).toEqual([['a', 'b'], '2', "it's"]);
    expect(await page(`line=2&token=${encodeURIComponent("it's")}`)).toEqual([["it's", '订单'], '2', '']);
  });
});
