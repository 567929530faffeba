import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, test } from 'vitest';
import { createRollingFile } from './rolling-file.ts';

test('keeps at most two files of about the wanted size, the newest lines in the first', async () => {
  await using folder = await createTemporaryFolder();
  const path = join(folder.path, 'stack.log');
  const file = createRollingFile(path, 1000);
  for (let line = 0; line < 500; line++) file.write(`line ${line}\n`);
  file.close();
  expect((await readFile(path, 'utf8')).endsWith('line 499\n')).toBe(true);
  for (const name of [path, `${path}.previous`]) expect((await stat(name)).size).toBeLessThan(1100);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a new run moves the log of the last one aside', async () => {
  await using folder = await createTemporaryFolder();
  const path = join(folder.path, 'stack.log');
  for (const text of ['first\n', 'second\n']) {
    const file = createRollingFile(path);
    file.write(text);
    file.close();
  }
  expect(await readFile(path, 'utf8')).toBe('second\n');
  expect(await readFile(`${path}.previous`, 'utf8')).toBe('first\n');
});

test('opens nothing before the first line', () => {
  createRollingFile('/nowhere/at/all.log').close();
});
