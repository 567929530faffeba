import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createFakeClock, createTemporaryFolder, waitUntil } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { send } from '../http/testing.ts';
import type { Sls } from '../sls.ts';
import { startSls } from '../testing.ts';

const day = 86_400_000;

async function put(sls: Sls, logstore: string, id: string): Promise<void> {
  const body = JSON.stringify({ __logs__: [{ id }] });
  const path = `/logstores/${logstore}/shards/lb`;
  const headers = { 'content-type': 'application/json' };
  expect((await send(sls.httpPort, { method: 'POST', path, body, headers })).status).toBe(200);
}

async function find(sls: Sls, logstore: string): Promise<string[]> {
  const path = `/logstores/${logstore}?type=log&query=*&line=100&from=0&to=4000000000`;
  const rows = JSON.parse((await send(sls.httpPort, { path })).text) as { id: string }[];
  return rows.map((row) => row.id).sort();
}

it('removes logs from search and disk when their logstore says so, and survives a restart', async () => {
  await using folder = await createTemporaryFolder();
  const clock = createFakeClock();
  const options = { dataDirectory: folder.path, auth: 'any', clock, pg: false } as const;
  {
    await using sls = await startSls(options);
    await sls.catalog.ensureProject({ projectName: 'shop' });
    for (const [name, ttl] of [
      ['short', 1],
      ['long', 3650],
    ] as const) {
      await sls.catalog.ensureLogstore('shop', name, { ttl, shardCount: 1 });
      await sls.catalog.ensureIndex('shop', name, { line: { token: [' '] }, keys: {} });
      await put(sls, name, 'old');
    }
    clock.advance(day / 2);
    await put(sls, 'short', 'middle');
    expect(await find(sls, 'short')).toEqual(['middle', 'old']);

    clock.advance(day * 0.75);
    await waitUntil(async () => (await find(sls, 'short')).length === 1, { what: 'one log left' });
    expect(await find(sls, 'short')).toEqual(['middle']);
    clock.advance(day);
    await waitUntil(async () => (await find(sls, 'short')).length === 0, { what: 'no log left' });
    await put(sls, 'short', 'new');
    expect(await find(sls, 'short')).toEqual(['new']);
    expect(await find(sls, 'long')).toEqual(['old']);

    const { uid } = sls.catalog.requireLogstore('shop', 'short');
    // One segment is left, and it begins behind the two records that are gone.
    await waitUntil(
      async () => {
        const files = await readdir(join(folder.path, 'log', uid, '0'));
        return files.join() === '0000000000000002.seg';
      },
      { what: 'the old segments are gone' },
    );
  }
  await using again = await startSls(options);
  expect(await find(again, 'short')).toEqual(['new']);
  await put(again, 'short', 'newer');
  expect(await find(again, 'short')).toEqual(['new', 'newer']);
}, 60_000);
