import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { send } from '../http/testing.ts';
import type { Sls } from '../sls.ts';
import { startSls } from '../testing.ts';

async function put(sls: Sls, id: string): Promise<void> {
  const body = JSON.stringify({ __logs__: [{ id }] });
  const headers = { 'content-type': 'application/json' };
  const reply = await send(sls.httpPort, {
    method: 'POST',
    path: '/logstores/orders/shards/lb',
    body,
    headers,
  });
  expect(reply.status).toBe(200);
}

async function find(sls: Sls): Promise<string[]> {
  const query = encodeURIComponent('* | select id from orders limit 10000');
  const path = `/logstores/orders?type=log&query=${query}&from=0&to=4000000000`;
  return (JSON.parse((await send(sls.httpPort, { path })).text) as { id: string }[]).map((row) => row.id);
}

it('copies everything acknowledged while writes go on, and an emulator starts on the copy', async () => {
  await using folder = await createTemporaryFolder();
  const copy = join(folder.path, 'copies', 'first');
  await mkdir(join(folder.path, 'copies'));
  const acknowledged: string[] = [];
  await using sls = await startSls({ auth: 'any', pg: false });
  await sls.catalog.ensureProject({ projectName: 'shop' });
  await sls.catalog.ensureLogstore('shop', 'orders');
  await sls.catalog.ensureIndex('shop', 'orders', {
    line: { token: [' '] },
    keys: { id: { type: 'text', token: [' '], doc_value: true } },
  });
  let isWriting = true;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; isWriting && n < 2000; n++) {
      await put(sls, `${writer}.${n}`);
      acknowledged.push(`${writer}.${n}`);
    }
  });
  while (acknowledged.length < 100) await new Promise((resolve) => setImmediate(resolve));
  const before = [...acknowledged];
  await sls.snapshot(copy);
  isWriting = false;
  await Promise.all(writers);

  expect(await readdir(join(folder.path, 'copies'))).toEqual(['first']);
  await using restored = await startSls({ dataDirectory: copy, auth: 'any', pg: false });
  expect(restored.accessKey).toEqual(sls.accessKey);
  const found = await find(restored);
  expect(new Set(found).size).toBe(found.length);
  expect(before.filter((id) => !found.includes(id))).toEqual([]);
  await put(restored, 'only in the copy');
  expect(await find(restored)).toHaveLength(found.length + 1);
  expect(await find(sls)).toHaveLength(acknowledged.length);

  await expect(sls.snapshot(copy)).rejects.toMatchObject({ code: 'SLS_SNAPSHOT_REFUSED' });
}, 60_000);
