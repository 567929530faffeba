import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createTemporaryFolder, type TemporaryFolder } from '@sampan/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLayout, ensureLayout, type Layout } from './layout.ts';
import { acquireLock, findHolder, lockFile } from './lock.ts';

let folder: TemporaryFolder;
let layout: Layout;

beforeEach(async () => {
  folder = await createTemporaryFolder();
  layout = createLayout(folder.path);
  await ensureLayout(layout);
});

afterEach(() => folder[Symbol.asyncDispose]());

test('a second starter is told which process runs the stack', async () => {
  const release = await acquireLock(layout);
  await expect(acquireLock(layout)).rejects.toMatchObject({
    code: 'DEVSTACK_ALREADY_RUNNING',
    family: 'environment',
    message: expect.stringContaining(`process ${process.pid} `),
  });
  expect(await findHolder(layout)).toMatchObject({ pid: process.pid });
  await release();
  expect(await findHolder(layout)).toBeUndefined();
});

test('the lock of a process that is gone is taken over', async () => {
  const child = spawn('/bin/true');
  await once(child, 'exit');
  await writeFile(lockFile(layout, 4), JSON.stringify({ pid: child.pid, since: 'yesterday' }));
  const release = await acquireLock(layout);
  expect(JSON.parse(await readFile(lockFile(layout, 5), 'utf8'))).toMatchObject({ pid: process.pid });
  await release();
});

test.runIf(process.platform === 'linux')('a recycled process id does not count as the holder', async () => {
  await writeFile(
    lockFile(layout, 4),
    JSON.stringify({ pid: process.pid, startMark: '1', since: 'long ago' }),
  );
  expect(await findHolder(layout)).toBeUndefined();
  const release = await acquireLock(layout);
  await release();
});

test('a damaged lock file is taken over', async () => {
  await writeFile(lockFile(layout, 4), '{"pid":');
  const release = await acquireLock(layout);
  await release();
});

test('of many starters at once exactly one gets a stale lock', async () => {
  await writeFile(lockFile(layout, 4), '');
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(layout)));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});
