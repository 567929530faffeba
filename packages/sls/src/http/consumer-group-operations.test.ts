import { createFakeClock } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { encodeCursor } from '../consumer/cursor.ts';
import { errorOf, type ReceivedReply, send, startFrontEnd, type TestFrontEnd } from './testing.ts';

const base = '/logstores/web/consumergroups';

async function startShop(shardCount = 2): Promise<TestFrontEnd> {
  const server = await startFrontEnd({ clock: createFakeClock() });
  await server.catalog.ensureProject({ projectName: 'shop' });
  await server.catalog.ensureLogstore('shop', 'web', { shardCount });
  return server;
}

function ask(server: TestFrontEnd, method: string, path: string, body?: unknown): Promise<ReceivedReply> {
  return send(server.port, { method, path, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

async function create(server: TestFrontEnd, body: unknown): Promise<ReceivedReply> {
  return ask(server, 'POST', base, body);
}

const jsonOf = (reply: ReceivedReply): unknown => {
  expect(reply.status, reply.text).toBe(200);
  return JSON.parse(reply.text);
};

describe('consumer groups', () => {
  it('are created, listed, changed and deleted', async () => {
    await using server = await startShop();
    expect(jsonOf(await ask(server, 'GET', base))).toEqual([]);
    const created = await create(server, { consumerGroup: 'g-1', timeout: 60, order: true });
    expect([created.status, created.text, created.headers['content-type']]).toEqual([200, '', undefined]);
    await create(server, { consumerGroup: 'Another.Group', timeout: 20 });
    expect(jsonOf(await ask(server, 'GET', base))).toEqual([
      { name: 'Another.Group', timeout: 20, order: false },
      { name: 'g-1', timeout: 60, order: true },
    ]);
    expect((await ask(server, 'PUT', `${base}/g-1`, { timeout: 30 })).status).toBe(200);
    expect((await ask(server, 'DELETE', `${base}/Another.Group`)).status).toBe(200);
    expect(jsonOf(await ask(server, 'GET', base))).toEqual([{ name: 'g-1', timeout: 30, order: true }]);
  });

  it('refuse with the codes that consumer libraries look for', async () => {
    await using server = await startShop();
    await create(server, { consumerGroup: 'g', timeout: 60, order: false });
    expect(errorOf(await create(server, { consumerGroup: 'g', timeout: 60, order: false }))).toEqual([
      400,
      'ConsumerGroupAlreadyExist',
      'consumer group already exist',
    ]);
    for (const [method, path] of [
      ['PUT', `${base}/x`],
      ['DELETE', `${base}/x`],
      ['GET', `${base}/x`],
      ['POST', `${base}/x?type=heartbeat&consumer=c`],
    ] as const) {
      const reply = await ask(server, method, path, method === 'POST' ? [] : {});
      expect(errorOf(reply)).toEqual([404, 'ConsumerGroupNotExist', 'consumer group not exist']);
    }
    expect(errorOf(await create(server, { consumerGroup: 'h', timeout: 'long' }))[1]).toBe('JsonInfoInvalid');
    expect(errorOf(await create(server, { consumerGroup: '../h', timeout: 5 }))[1]).toBe('JsonInfoInvalid');
    expect(errorOf(await ask(server, 'GET', '/logstores/none/consumergroups'))[1]).toBe('LogStoreNotExist');
  });

  it('are at most 30 per logstore', async () => {
    await using server = await startShop();
    for (let index = 0; index < 30; index++) {
      expect((await create(server, { consumerGroup: `g${index}`, timeout: 60 })).status).toBe(200);
    }
    expect(errorOf(await create(server, { consumerGroup: 'g30', timeout: 60 }))[1]).toBe('ExceedQuota');
  });

  it('go with their logstore', async () => {
    await using server = await startShop();
    await create(server, { consumerGroup: 'g', timeout: 60 });
    await server.catalog.deleteLogstore('shop', 'web');
    await server.catalog.createLogstore('shop', 'web');
    expect(jsonOf(await ask(server, 'GET', base))).toEqual([]);
  });
});

describe('consumers', () => {
  it('share the shards by their heartbeats', async () => {
    await using server = await startShop(2);
    await create(server, { consumerGroup: 'g', timeout: 60 });
    const beat = async (consumer: string, held: unknown): Promise<unknown> =>
      jsonOf(await ask(server, 'POST', `${base}/g?type=heartbeat&consumer=${consumer}`, held));
    expect(await beat('a', [])).toEqual([0, 1]);
    expect(await beat('b', [])).toEqual([]);
    expect(await beat('a', [0, 1])).toEqual([0]);
    expect(await beat('a', [0])).toEqual([0]);
    expect(await beat('b', [])).toEqual([1]);
    // Shards that are not there are nobody's.
    expect(await beat('b', [1, 77])).toEqual([1]);
    const bad = await ask(server, 'POST', `${base}/g?type=heartbeat&consumer=a`, { shards: [] });
    expect(errorOf(bad)[1]).toBe('PostBodyInvalid');
    expect(errorOf(await ask(server, 'POST', `${base}/g?type=heartbeat`, []))[1]).toBe('ParameterInvalid');
  });

  it('store checkpoints, and find one entry for every shard', async () => {
    await using server = await startShop(2);
    await create(server, { consumerGroup: 'g', timeout: 60 });
    const save = (query: string, body: unknown): Promise<ReceivedReply> =>
      ask(server, 'POST', `${base}/g?type=checkpoint&${query}`, body);
    const checkpoint = encodeCursor(0);
    const misspelt = await save('consumer=a&forceSuccess=false', { shard: 0, checkpoint });
    expect(errorOf(misspelt).slice(0, 2)).toEqual([404, 'ConsumerNotExsit']);
    expect(errorOf(await save('consumer=a&forceSuccess=True', { shard: 9, checkpoint }))[1]).toBe(
      'ShardNotExsit',
    );
    expect(errorOf(await save('forceSuccess=true', { shard: 0, checkpoint: 'no base64!' }))).toEqual([
      400,
      'InvalidShardCheckPoint',
      'shard checkpoint not encoded by base64',
    ]);
    // Python writes True, the others true.
    expect((await save('consumer=a&forceSuccess=True', { shard: 1, checkpoint })).status).toBe(200);
    expect(jsonOf(await ask(server, 'GET', `${base}/g`))).toEqual([
      { shard: 0, checkpoint: '', updateTime: 0, consumer: '' },
      { shard: 1, checkpoint, updateTime: 1_700_000_000_000_000, consumer: 'a' },
    ]);
    expect(jsonOf(await ask(server, 'GET', `${base}/g?shard=1`))).toHaveLength(1);
    expect(jsonOf(await ask(server, 'GET', `${base}/g?shard=-1`))).toHaveLength(2);
  });
});
