import { encodeLogGroup } from '@sampan/sls-wire';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import type { Sls } from '../sls.ts';
import { startSls } from '../testing.ts';
import { send } from './testing.ts';

async function put(sls: Sls, name: string): Promise<void> {
  const body = encodeLogGroup({
    topic: '',
    source: '',
    tags: [],
    logs: [{ time: 1_700_000_000, contents: [['n', name]] }],
  });
  expect((await send(sls.httpPort, { method: 'POST', path: '/logstores/web/shards/lb', body })).status).toBe(
    200,
  );
}

async function ask(sls: Sls, path: string, body?: unknown): Promise<unknown> {
  const reply = await send(sls.httpPort, {
    path,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  expect(reply.status, reply.text).toBe(200);
  return reply.text === '' ? undefined : JSON.parse(reply.text);
}

it('searches split shards, and has shards, cursors and checkpoints after a restart', async () => {
  await using folder = await createTemporaryFolder();
  const options = { auth: 'any', pg: false, dataDirectory: folder.path } as const;
  const groups = '/logstores/web/consumergroups';
  const all = '/logstores/web?type=log&from=1&to=2000000000&query=*';
  let cursor: unknown;
  {
    await using sls = await startSls(options);
    await sls.catalog.ensureProject({ projectName: 'shop' });
    await sls.catalog.ensureLogstore('shop', 'web', { shardCount: 1 });
    await sls.catalog.ensureIndex('shop', 'web', { keys: { n: { type: 'text', token: [' '] } } });
    await put(sls, 'before');
    await ask(sls, '/logstores/web/shards/0?action=split', {});
    for (const name of ['after', 'the', 'split']) await put(sls, name);
    expect(await ask(sls, all)).toHaveLength(4);
    cursor = await ask(sls, '/logstores/web/shards/1?type=cursor&from=end');
    await ask(sls, groups, { consumerGroup: 'g', timeout: 60, order: true });
    const checkpoint = (cursor as { cursor: string }).cursor;
    await ask(sls, `${groups}/g?type=checkpoint&forceSuccess=true`, { shard: 1, checkpoint });
    expect(await ask(sls, `${groups}/g?type=heartbeat&consumer=a`, [])).toEqual([0]);
  }
  await using sls = await startSls(options);
  expect(await ask(sls, all)).toHaveLength(4);
  expect(await ask(sls, '/logstores/web/shards')).toMatchObject([
    { shardID: 0, status: 'readonly' },
    { shardID: 1, status: 'readwrite' },
    { shardID: 2, status: 'readwrite' },
  ]);
  expect(await ask(sls, '/logstores/web/shards/1?type=cursor&from=end')).toEqual(cursor);
  expect(await ask(sls, `${groups}/g?shard=1`)).toMatchObject([
    { shard: 1, checkpoint: (cursor as { cursor: string }).cursor },
  ]);
  // The parent is not read to its end: its children still wait.
  expect(await ask(sls, `${groups}/g?type=heartbeat&consumer=a`, [0])).toEqual([0]);
  const end = (await ask(sls, '/logstores/web/shards/0?type=cursor&from=end')) as { cursor: string };
  await ask(sls, `${groups}/g?type=checkpoint&consumer=a&forceSuccess=false`, {
    shard: 0,
    checkpoint: end.cursor,
  });
  expect(await ask(sls, `${groups}/g?type=heartbeat&consumer=a`, [])).toEqual([1, 2]);
});
