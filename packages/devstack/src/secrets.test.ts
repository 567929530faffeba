import { stat, writeFile } from 'node:fs/promises';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, test } from 'vitest';
import { createLayout, ensureLayout } from './layout.ts';
import { ensureSecrets } from './secrets.ts';

test('makes credentials once, readable by their owner alone, and finds them again', async () => {
  await using folder = await createTemporaryFolder();
  const layout = createLayout(folder.path);
  await ensureLayout(layout);
  const first = await ensureSecrets(layout);
  expect(first.areNew).toBe(true);
  expect(first.secrets.accessKeyId).toMatch(/^LTAI5t[A-Za-z0-9]{18}$/);
  expect(first.secrets.accessKeySecret).toMatch(/^[A-Za-z0-9]{30}$/);
  expect((await stat(layout.secrets)).mode & 0o777).toBe(0o600);
  expect(await ensureSecrets(layout)).toEqual({ secrets: first.secrets, areNew: false });
});

test('a damaged file is named, not replaced', async () => {
  await using folder = await createTemporaryFolder();
  const layout = createLayout(folder.path);
  await ensureLayout(layout);
  for (const text of ['{', '[]', '{"postgresPassword":1}']) {
    await writeFile(layout.secrets, text);
    await expect(ensureSecrets(layout)).rejects.toMatchObject({
      code: 'DEVSTACK_SECRETS_DAMAGED',
      message: expect.stringContaining(layout.secrets),
    });
  }
});
