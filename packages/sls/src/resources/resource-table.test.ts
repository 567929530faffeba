import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { createDocuments } from '../storage/documents.ts';
import type { StoredResource } from './resource-kind.ts';
import { openResourceTable, type Place, type ResourceTable } from './resource-table.ts';

const dashboards: Place = { project: 'shop', table: 'dashboards', owner: '' };
const records: Place = { project: undefined, table: 'records', owner: 'sls.common.user' };
const settings: Place = { project: 'shop', table: 'logstore-settings', owner: 'u1' };

function entry(name: string, body = {}): StoredResource {
  return { name, body, createTime: 1, lastModifyTime: 2, links: [] };
}

function open(folder: string): Promise<ResourceTable> {
  return openResourceTable(createDocuments(folder));
}

it('is the same after a restart, whatever the names', async () => {
  await using folder = await createTemporaryFolder();
  const table = await open(folder.path);
  const names = ['a', 'A', '../../x', '看板', 'a b', '.', 'x'.repeat(256)];
  for (const name of names) await table.put(dashboards, entry(name, { name }));
  await table.put(records, entry('9527', { value: '{}' }));
  await table.put(dashboards, entry('a', { changed: true }));
  const again = await open(folder.path);
  expect(again.list(dashboards)).toEqual(table.list(dashboards));
  expect(again.list(dashboards)).toHaveLength(names.length);
  expect(again.get(dashboards, 'a')?.body).toEqual({ changed: true });
  expect(again.get(records, '9527')?.body).toEqual({ value: '{}' });
  expect(again.get({ ...records, owner: 'other' }, '9527')).toBeUndefined();
});

it('loses what belonged to a project or logstore, and nothing else', async () => {
  await using folder = await createTemporaryFolder();
  const table = await open(folder.path);
  const other = { ...dashboards, project: 'other' };
  for (const place of [dashboards, records, settings, other]) await table.put(place, entry('one'));
  await table.dropLogstore('u1');
  expect(table.get(settings, 'one')).toBeUndefined();
  await table.dropProject('shop');
  for (const each of [table, await open(folder.path)]) {
    expect(each.list(dashboards)).toEqual([]);
    expect(each.list(settings)).toEqual([]);
    expect(each.list(records)).toHaveLength(1);
    expect(each.list(other)).toHaveLength(1);
  }
});

it('gives what belongs to a cleared logstore to its successor', async () => {
  await using folder = await createTemporaryFolder();
  const table = await open(folder.path);
  await table.put(settings, entry('meteringmode', { meteringMode: 'ChargeByDataIngest' }));
  await table.dropLogstore('u1', 'u2');
  for (const each of [table, await open(folder.path)]) {
    expect(each.list(settings)).toEqual([]);
    expect(each.list({ ...settings, owner: 'u2' })).toHaveLength(1);
  }
});

it('sweeps up after a deletion that was interrupted', async () => {
  await using folder = await createTemporaryFolder();
  const table = await open(folder.path);
  for (const place of [dashboards, settings, records]) await table.put(place, entry('one'));
  await table.dropAllExcept({ projects: new Set(['shop']), logstores: new Set() });
  expect(table.list(settings)).toEqual([]);
  expect(table.list(dashboards)).toHaveLength(1);
  const again = await open(folder.path);
  await again.dropAllExcept({ projects: new Set(), logstores: new Set() });
  expect(again.list(dashboards)).toEqual([]);
  expect((await open(folder.path)).list(records)).toHaveLength(1);
});

it('refuses to start over a damaged document', async () => {
  await using folder = await createTemporaryFolder();
  await (await open(folder.path)).put(dashboards, entry('one'));
  const path = join(folder.path, 'projects/shop/dashboards');
  const [file = ''] = await readdir(path);
  await writeFile(join(path, file), '{"table":"dashboards","owner":"","resource":{"name":7}}');
  await expect(open(folder.path)).rejects.toMatchObject({ code: 'SLS_DOCUMENT_CORRUPT' });
});
