import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { lockDirectory } from './directory-lock.ts';

it('refuses a directory that this process has open already, and lets it go on release', async () => {
  await using folder = await createTemporaryFolder();
  const path = join(folder.path, 'data');
  const lock = await lockDirectory(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await expect(lockDirectory(path)).rejects.toMatchObject({ code: 'SLS_DATA_DIRECTORY_BUSY' });
  await lock.release();
  await lock.release();
  await (await lockDirectory(path)).release();
});

it('refuses a directory that another live process holds and names that process', async () => {
  await using folder = await createTemporaryFolder();
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")']);
  try {
    await once(other.stdout, 'data');
    await writeFile(join(folder.path, 'lock.json'), JSON.stringify({ pid: other.pid, startedAt: '' }));
    await expect(lockDirectory(folder.path)).rejects.toMatchObject({
      code: 'SLS_DATA_DIRECTORY_BUSY',
      message: expect.stringContaining(`process ${other.pid}`) as string,
    });
  } finally {
    other.kill('SIGKILL');
    await once(other, 'close');
  }
  await (await lockDirectory(folder.path)).release();
});

it.each([
  ['of a process that is gone', { pid: 4_194_304, startedAt: '1' }],
  ['of an earlier process with our id, as in a restarted container', { pid: process.pid, startedAt: '1' }],
  ['that is garbage', 'garbage'],
])('takes over a lock %s', async (_, holder) => {
  await using folder = await createTemporaryFolder();
  const path = join(folder.path, 'lock.json');
  await writeFile(path, JSON.stringify(holder));
  const lock = await lockDirectory(folder.path);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
  await lock.release();
});

it.skipIf(process.platform !== 'linux')(
  'takes over a lock whose process id now names another process',
  async () => {
    await using folder = await createTemporaryFolder();
    const parent = process.ppid;
    await writeFile(join(folder.path, 'lock.json'), JSON.stringify({ pid: parent, startedAt: '1' }));
    await (await lockDirectory(folder.path)).release();
  },
);

it('says what is wrong with a path that cannot be a directory', async () => {
  await using folder = await createTemporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  await expect(lockDirectory(join(folder.path, 'file'))).rejects.toMatchObject({
    code: 'SLS_DATA_DIRECTORY_UNUSABLE',
    message: expect.stringContaining(join(folder.path, 'file')) as string,
  });
});

it.skipIf(process.platform !== 'linux')(
  'fails, and does not hang, below a folder that takes no children',
  async () => {
    await expect(lockDirectory('/proc/sampan/data')).rejects.toMatchObject({
      code: 'SLS_DATA_DIRECTORY_UNUSABLE',
    });
  },
);

it('makes the folders above as well', async () => {
  await using folder = await createTemporaryFolder();
  await (await lockDirectory(join(folder.path, 'a/b/c'))).release();
});
