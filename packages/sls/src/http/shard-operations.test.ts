import { encodeLogGroup } from '@sampan/sls-wire';
import { createFakeClock } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { errorOf, type ReceivedReply, send, startFrontEnd, type TestFrontEnd } from './testing.ts';

const shards = '/logstores/web/shards';

async function startShop(shardCount: number): Promise<TestFrontEnd> {
  const server = await startFrontEnd({ clock: createFakeClock() });
  await server.catalog.ensureProject({ projectName: 'shop' });
  await server.catalog.ensureLogstore('shop', 'web', { shardCount });
  return server;
}

const body = encodeLogGroup({
  topic: '',
  source: '',
  tags: [],
  logs: [{ time: 1, contents: [['a', 'b']] }],
});
const put = (server: TestFrontEnd, path: string): Promise<ReceivedReply> =>
  send(server.port, { method: 'POST', path: `${shards}/${path}`, body });
const counts = (server: TestFrontEnd): number[] =>
  server.records('shop', 'web').map((records) => records.length);

describe('shards', () => {
  it('are listed with the fields of the API and no others', async () => {
    await using server = await startShop(2);
    const half = `8${'0'.repeat(31)}`;
    expect(JSON.parse((await send(server.port, { path: shards })).text)).toEqual([
      {
        shardID: 0,
        status: 'readwrite',
        inclusiveBeginKey: '0'.repeat(32),
        exclusiveEndKey: half,
        createTime: 1_700_000_000,
      },
      {
        shardID: 1,
        status: 'readwrite',
        inclusiveBeginKey: half,
        exclusiveEndKey: 'f'.repeat(32),
        createTime: 1_700_000_000,
      },
    ]);
  });

  it('take no more writes once split: keys and turns go to the new ones', async () => {
    await using server = await startShop(1);
    await put(server, 'lb');
    const key = `4${'0'.repeat(31)}`;
    const split = await send(server.port, { method: 'POST', path: `${shards}/0?action=split&key=${key}` });
    expect(JSON.parse(split.text)).toMatchObject([
      { shardID: 0, status: 'readonly' },
      { shardID: 1, status: 'readwrite', exclusiveEndKey: key },
      { shardID: 2, status: 'readwrite', inclusiveBeginKey: key },
    ]);
    await put(server, 'route?key=3');
    await put(server, 'route?key=4');
    await put(server, 'route?key=5');
    expect(counts(server)).toEqual([1, 1, 2]);
    for (let index = 0; index < 4; index++) await put(server, 'lb');
    expect(counts(server)).toEqual([1, 3, 4]);
    const listed = JSON.parse((await send(server.port, { path: '/logstores/web' })).text);
    expect(listed).toMatchObject({ shardCount: 2 });
  });

  it('are merged with the neighbour, and stay readable', async () => {
    await using server = await startShop(2);
    for (let index = 0; index < 4; index++) await put(server, 'lb');
    const merged = await send(server.port, { method: 'POST', path: `${shards}/0?action=merge` });
    expect(JSON.parse(merged.text)).toMatchObject([
      { shardID: 2, status: 'readwrite' },
      { shardID: 0, status: 'readonly' },
      { shardID: 1, status: 'readonly' },
    ]);
    await put(server, 'lb');
    expect(counts(server)).toEqual([2, 2, 1]);
    const again = await send(server.port, { method: 'POST', path: `${shards}/2?action=merge` });
    expect(errorOf(again)).toEqual([400, 'ParameterInvalid', 'can not merge the last shard.']);
  });

  it('lose no write that comes while they are split', async () => {
    await using server = await startShop(1);
    const writes = Array.from({ length: 60 }, () => put(server, 'lb'));
    const split = send(server.port, { method: 'POST', path: `${shards}/0?action=split&shardCount=3` });
    for (const reply of await Promise.all([...writes, split])) expect(reply.status, reply.text).toBe(200);
    expect(counts(server).reduce((sum, count) => sum + count)).toBe(60);
  });

  it('are deleted only when readonly', async () => {
    await using server = await startShop(1);
    const remove = (): Promise<ReceivedReply> => send(server.port, { method: 'DELETE', path: `${shards}/0` });
    expect(errorOf(await remove())[1]).toBe('ParameterInvalid');
    await send(server.port, { method: 'POST', path: `${shards}/0?action=split` });
    expect((await remove()).status).toBe(200);
    const left = JSON.parse((await send(server.port, { path: shards })).text) as { shardID: number }[];
    expect(left.map((shard) => shard.shardID)).toEqual([1, 2]);
    expect(errorOf(await remove())[1]).toBe('ShardNotExist');
  });
});
