import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '@sampan/base';
import { createFakeClock, createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { createDocuments } from '../storage/documents.ts';
import { createSegmentStorage } from '../storage/store.ts';
import { type Catalog, openCatalog } from './catalog.ts';
import { evenShards, shardOfKey } from './shards.ts';

const index = {
  line: { token: [' '] },
  keys: { id: { type: 'text', token: [], odd: true } },
  scan_index: true,
};

/** A catalogue in `folder` as after a start of the emulator. */
async function open(folder: string): Promise<{ catalog: Catalog; dropped: string[] } & AsyncDisposable> {
  const storage = createSegmentStorage({ directory: join(folder, 'log'), log: silentLog });
  const dropped: string[] = [];
  const catalog = await openCatalog({
    documents: createDocuments(join(folder, 'catalog')),
    storage,
    clock: createFakeClock(1_700_000_000_000),
    onDrop: async (uid) => void dropped.push(uid),
  });
  return { catalog, dropped, [Symbol.asyncDispose]: () => storage.stop() };
}

async function filled(folder: string): Promise<void> {
  await using opened = await open(folder);
  await opened.catalog.createProject({ projectName: 'shop', description: 'd' });
  await opened.catalog.createLogstore('shop', 'orders', { ttl: 5, shardCount: 3 });
  await opened.catalog.createLogstore('shop', 'audit');
  await opened.catalog.createIndex('shop', 'orders', index);
}

describe('the catalogue', () => {
  it('is the same after a restart', async () => {
    await using folder = await createTemporaryFolder();
    await filled(folder.path);
    await using opened = await open(folder.path);
    const { catalog } = opened;
    expect(catalog.project('shop')).toMatchObject({ description: 'd', createTime: 1_700_000_000 });
    expect(catalog.logstores('shop').map((logstore) => logstore.logstoreName)).toEqual(['audit', 'orders']);
    expect(catalog.logstore('shop', 'orders')).toMatchObject({ ttl: 5, shards: [{}, {}, {}] });
    expect(catalog.storedIndex('shop', 'orders')?.json).toEqual(index);
    expect(catalog.index('shop', 'orders')).toMatchObject({
      scan_index: true,
      keys: { id: { type: 'text' } },
    });
    expect(catalog.index('shop', 'audit')).toBeUndefined();
  });

  it('creates one of many that ask for the same name at once', async () => {
    await using folder = await createTemporaryFolder();
    await using opened = await open(folder.path);
    const { catalog } = opened;
    const settle = (attempts: Promise<unknown>[]): Promise<string[]> =>
      Promise.all(
        attempts.map((one) =>
          one.then(
            () => 'made',
            (error: { errorCode: string }) => error.errorCode,
          ),
        ),
      );
    expect(
      (await settle([1, 2, 3].map(() => catalog.createProject({ projectName: 'shop' })))).sort(),
    ).toEqual(['ProjectAlreadyExist', 'ProjectAlreadyExist', 'made']);
    expect((await settle([1, 2].map(() => catalog.createLogstore('shop', 'orders')))).sort()).toEqual([
      'LogStoreAlreadyExist',
      'made',
    ]);
    expect(await Promise.all([1, 2].map(() => catalog.ensureLogstore('shop', 'audit')))).toEqual([
      true,
      false,
    ]);
  });

  it('gives a logstore that is made anew neither the logs nor the index of its namesake', async () => {
    await using folder = await createTemporaryFolder();
    await filled(folder.path);
    await using opened = await open(folder.path);
    const { catalog, dropped } = opened;
    const before = catalog.requireLogstore('shop', 'orders').uid;
    await catalog.deleteLogstore('shop', 'orders');
    await catalog.createLogstore('shop', 'orders');
    const after = catalog.requireLogstore('shop', 'orders').uid;
    expect(after).not.toBe(before);
    expect(dropped).toEqual([before]);
    expect(catalog.index('shop', 'orders')).toBeUndefined();
    expect(await readdir(join(folder.path, 'log'))).not.toContain(before);
  });

  it('forgets everything below a deleted project', async () => {
    await using folder = await createTemporaryFolder();
    await filled(folder.path);
    {
      await using opened = await open(folder.path);
      await opened.catalog.deleteProject('shop');
      expect(opened.dropped).toHaveLength(2);
      await opened.catalog.createProject({ projectName: 'shop' });
      expect(opened.catalog.logstores('shop')).toEqual([]);
    }
    await using again = await open(folder.path);
    expect(again.catalog.logstores('shop')).toEqual([]);
    expect(await readdir(join(folder.path, 'log'))).toEqual([]);
  });

  it('tidies up after a crash in the middle of a deletion', async () => {
    await using folder = await createTemporaryFolder();
    await filled(folder.path);
    await mkdir(join(folder.path, 'log/0123456789abcdef/0'), { recursive: true });
    // The commit point of DeleteLogStore is its document, that of DeleteProject the project's.
    await rm(join(folder.path, 'catalog/projects/shop/logstores/orders.json'));
    {
      await using opened = await open(folder.path);
      expect(opened.catalog.logstores('shop').map((logstore) => logstore.logstoreName)).toEqual(['audit']);
      expect(await readdir(join(folder.path, 'log'))).toHaveLength(1);
    }
    await rm(join(folder.path, 'catalog/projects/shop/project.json'));
    await using opened = await open(folder.path);
    expect(opened.catalog.projects()).toEqual([]);
    expect(await readdir(join(folder.path, 'log'))).toEqual([]);
    expect(await readdir(join(folder.path, 'catalog/projects'))).toEqual([]);
  });

  it('refuses to start over a damaged document, and touches no log', async () => {
    await using folder = await createTemporaryFolder();
    await filled(folder.path);
    const path = join(folder.path, 'catalog/projects/shop/logstores/orders.json');
    for (const text of ['{"half', '{"logstoreName":"orders"}', '[]']) {
      await writeFile(path, text);
      await expect(open(folder.path)).rejects.toMatchObject({
        code: 'SLS_DOCUMENT_CORRUPT',
        message: expect.stringContaining('orders.json') as string,
      });
    }
    expect(await readdir(join(folder.path, 'log'))).toHaveLength(2);
  });
});

describe('shards', () => {
  it('own the whole key space without overlap', () => {
    const shards = evenShards(3, 0);
    expect(shards.map((shard) => shard.inclusiveBeginKey)).toEqual([
      '00000000000000000000000000000000',
      '55555555555555555555555555555555',
      'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    ]);
    expect(shards.map((shard) => shard.exclusiveEndKey)).toEqual([
      '55555555555555555555555555555555',
      'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      'ffffffffffffffffffffffffffffffff',
    ]);
    for (const [key, shard] of [
      ['0', 0],
      ['55', 0],
      ['555555555555555555555555555555555'.slice(1), 1],
      ['F', 2],
    ] as const) {
      expect(shardOfKey(shards, key)?.shardID).toBe(shard);
    }
    expect(shardOfKey(shards, 'f'.repeat(32))?.shardID).toBe(2);
    for (const wrong of ['', 'g', 'f'.repeat(33)]) expect(shardOfKey(shards, wrong)).toBeUndefined();
  });
});
