import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { createDocuments } from './documents.ts';

it('keeps documents across openings, readable by their owner only', async () => {
  await using folder = await createTemporaryFolder();
  const documents = createDocuments(join(folder.path, 'catalog'));
  expect(await documents.load()).toEqual(new Map());
  await documents.write('projects/a/project', { n: 1 });
  await documents.write('b', [1, 2]);
  await documents.write('projects/a/project', { n: 2 });
  const found = await createDocuments(join(folder.path, 'catalog')).load();
  expect(found).toEqual(
    new Map<string, unknown>([
      ['b', [1, 2]],
      ['projects/a/project', { n: 2 }],
    ]),
  );
  expect((await stat(join(folder.path, 'catalog/b.json'))).mode & 0o777).toBe(0o600);
});

it('keeps the last of many writes that were made at once', async () => {
  await using folder = await createTemporaryFolder();
  const documents = createDocuments(folder.path);
  await Promise.all(Array.from({ length: 20 }, (_, n) => documents.write('same', n)));
  expect(await documents.load()).toEqual(new Map([['same', 19]]));
  expect(await readdir(folder.path)).toEqual(['same.json']);
});

it('removes documents and folders, and what is not there without a complaint', async () => {
  await using folder = await createTemporaryFolder();
  const documents = createDocuments(folder.path);
  await documents.write('p/a', 1);
  await documents.write('p/b', 2);
  await documents.remove('p/a');
  await documents.remove('p/a');
  await documents.remove('nowhere/x');
  expect([...(await documents.load()).keys()]).toEqual(['p/b']);
  await documents.removeFolder('p');
  await documents.removeFolder('p');
  expect(await documents.load()).toEqual(new Map());
});

it('sweeps up a half written document and names one that is not JSON', async () => {
  await using folder = await createTemporaryFolder();
  await mkdir(join(folder.path, 'p'));
  await writeFile(join(folder.path, 'p/a.json.99.0.tmp'), '{"half":');
  const documents = createDocuments(folder.path);
  expect(await documents.load()).toEqual(new Map());
  expect(await readdir(join(folder.path, 'p'))).toEqual([]);
  await writeFile(join(folder.path, 'p/a.json'), '{"half":');
  await expect(documents.load()).rejects.toMatchObject({
    code: 'SLS_DOCUMENT_CORRUPT',
    message: expect.stringContaining('p/a.json') as string,
  });
});
