import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isAlive } from '@sampan/base';
import { waitUntil } from '@sampan/testkit';
import { expect, test } from 'vitest';
import { isGoBetween } from './parent-watch.ts';

test.each([
  [['sh', '-c', 'node bin/sampan.mjs dev'], true],
  [['/bin/bash', '-c', 'x'], true],
  [['npm exec pnpm@10 dev'], true],
  [['node', '/var/cache/npx/1/node_modules/.bin/pnpm', 'dev'], true],
  [['node', '/usr/lib/node_modules/pnpm/bin/pnpm.cjs', 'dev'], true],
  [['/usr/bin/pnpm', 'dev'], true],
  [['-bash'], false],
  [['bash', 'ci.sh'], false],
  [['node', 'server.js'], false],
  [[], false],
])('%j only waits for its child: %s', (words, expected) => {
  expect(isGoBetween(words)).toBe(expected);
});

const watcher = `
  const { watchParent } = await import(${JSON.stringify(new URL('./parent-watch.ts', import.meta.url).href)});
  setInterval(() => {}, 1000);
  watchParent(() => process.exit(0), 20);
  console.log(process.pid);
`;

async function startBelow(words: string[]): Promise<{ above: ReturnType<typeof spawn>; watching: number }> {
  const above = spawn('/bin/sh', ['-c', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(above.stdout, 'data')) as [Buffer];
  return { above, watching: Number(line.toString()) };
}

const nodeWords = `"${process.execPath}" --import tsx --input-type=module -e "$1"`;

test('notices that the process above is gone', async () => {
  const { above, watching } = await startBelow([`${nodeWords}; true`, 'sh', watcher]);
  above.kill('SIGKILL');
  await waitUntil(() => !isAlive(watching), { what: `process ${watching} to end` });
});

test('notices that the process above an intermediate shell is gone', async () => {
  const inner = `sh -c '${nodeWords}; true' sh "$1"; true`;
  const { above, watching } = await startBelow([inner, 'sh', watcher]);
  above.kill('SIGKILL');
  await waitUntil(() => !isAlive(watching), { what: `process ${watching} to end` });
});
