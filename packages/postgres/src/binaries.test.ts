import { chmod, mkdir, readdir, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createTemporaryFolder, type TemporaryFolder } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import { mayEnter } from './account.ts';
import { findBinaries } from './binaries.ts';

test('finds the programs that the npm package brought', async () => {
  const binaries = await findBinaries();
  expect(binaries.version).toMatch(/^18\./);
  expect(await mayEnter(binaries.account, join(binaries.folder, 'bin'))).toBe(true);
  expect((await stat(binaries.postgres)).isFile()).toBe(true);
  expect((await stat(binaries.initdb)).isFile()).toBe(true);
});

/** A tree like that of the npm package, below a folder that only its owner may enter. */
async function privateTree(folder: TemporaryFolder): Promise<{ folder: string; version: string }> {
  const tree = join(folder.path, 'private/native');
  await mkdir(join(tree, 'bin'), { recursive: true });
  await mkdir(join(tree, 'lib'));
  await writeFile(join(tree, 'bin/postgres'), '', { mode: 0o755 });
  await writeFile(join(tree, 'lib/libpq.so.5.18'), '');
  await symlink('libpq.so.5.18', join(tree, 'lib/libpq.so.5'));
  await chmod(join(folder.path, 'private'), 0o700);
  await chmod(folder.path, 0o755);
  return { folder: tree, version: '18.9.9' };
}

describe.runIf(process.getuid?.() === 0)('as root', () => {
  test('copies programs that the account cannot reach, once, with their links', async () => {
    await using folder = await createTemporaryFolder();
    const installed = await privateTree(folder);
    const options = { installed, cacheFolder: folder.path };
    const copy = await findBinaries(options);
    expect(copy.isCopy).toBe(true);
    expect(await mayEnter(copy.account, installed.folder)).toBe(false);
    expect(await mayEnter(copy.account, join(copy.folder, 'bin'))).toBe(true);
    expect(await readlink(join(copy.folder, 'lib/libpq.so.5'))).toBe('libpq.so.5.18');
    const made = (await stat(copy.folder)).ctimeMs;
    expect(await findBinaries(options)).toEqual(copy);
    expect((await stat(copy.folder)).ctimeMs).toBe(made);
  });

  test('opens the copy of an installation that a strict umask closed file by file', async () => {
    await using folder = await createTemporaryFolder();
    const installed = await privateTree(folder);
    for (const name of ['bin', 'lib', 'bin/postgres']) await chmod(join(installed.folder, name), 0o700);
    await chmod(join(installed.folder, 'lib/libpq.so.5.18'), 0o600);
    const copy = await findBinaries({ installed, cacheFolder: folder.path });
    const modeOf = async (path: string) => (await stat(join(copy.folder, path))).mode & 0o777;
    expect(await Promise.all(['bin', 'bin/postgres', 'lib/libpq.so.5'].map(modeOf))).toEqual([
      0o755, 0o755, 0o644,
    ]);
  });

  test('makes one copy when many ask for it at once', async () => {
    await using folder = await createTemporaryFolder();
    const options = { installed: await privateTree(folder), cacheFolder: folder.path };
    const copies = await Promise.all(Array.from({ length: 8 }, () => findBinaries(options)));
    expect(new Set(copies.map((copy) => copy.folder)).size).toBe(1);
    expect((await readdir(folder.path)).toSorted()).toEqual(['private', basename(copies[0]?.folder ?? '')]);
  });

  test('refuses a copy that others may change', async () => {
    await using folder = await createTemporaryFolder();
    const options = { installed: await privateTree(folder), cacheFolder: folder.path };
    const copy = await findBinaries(options);
    await chmod(copy.folder, 0o777);
    await expect(findBinaries(options)).rejects.toMatchObject({
      code: 'POSTGRES_BINARIES_UNSAFE',
      message: expect.stringContaining(copy.folder),
    });
  });
});
