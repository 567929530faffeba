import { chmod, mkdir, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder, type TemporaryFolder } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import { findAccount, mayEnter } from './account.ts';
import { findBinaries } from './binaries.ts';

test('finds the programs that the npm package brought', async () => {
  const binaries = await findBinaries({ account: undefined });
  expect(binaries).toMatchObject({ isCopy: false, version: expect.stringMatching(/^18\./) });
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
    const account = await findAccount();
    expect(await mayEnter(account, installed.folder)).toBe(false);
    const options = { account, installed, cacheFolder: folder.path };
    const copy = await findBinaries(options);
    expect(copy.isCopy).toBe(true);
    expect(await mayEnter(account, join(copy.folder, 'bin'))).toBe(true);
    expect(await readlink(join(copy.folder, 'lib/libpq.so.5'))).toBe('libpq.so.5.18');
    const made = (await stat(copy.folder)).ctimeMs;
    expect(await findBinaries(options)).toEqual(copy);
    expect((await stat(copy.folder)).ctimeMs).toBe(made);
  });

  test('refuses a copy that others may change', async () => {
    await using folder = await createTemporaryFolder();
    const options = {
      account: await findAccount(),
      installed: await privateTree(folder),
      cacheFolder: folder.path,
    };
    const copy = await findBinaries(options);
    await chmod(copy.folder, 0o777);
    await expect(findBinaries(options)).rejects.toMatchObject({
      code: 'DEVSTACK_BINARIES_UNSAFE',
      message: expect.stringContaining(copy.folder),
    });
  });
});
