import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createLog } from '@sampan/base';
import { createRandom, createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { readRecords } from './segment-reader.ts';
import { createSegmentStorage } from './store.ts';

/**
 * Eight writers that never wait for one another, in a process of its own. It prints the name of each record once
 * that is acknowledged; what it printed before it was killed must be found again.
 */
const writerProgram = `
  import { createSegmentStorage } from ${JSON.stringify(new URL('store.ts', import.meta.url).href)};
  import { silentLog } from '@sampan/base';
  const [directory, round] = process.argv.slice(-2);
  const storage = createSegmentStorage({ directory, log: silentLog, segmentBytesMax: 64 * 1024 });
  await storage.open('a', [0, 1]);
  async function write(writer) {
    for (let n = 0; ; n++) {
      const name = round + '.' + writer + '.' + n;
      const bytes = Buffer.from(name + ' ' + 'x'.repeat((n * 37) % 2000));
      await storage.append('a', writer % 2, { receivedAtMs: Date.now(), bytes });
      process.stdout.write(name + '\\n');
    }
  }
  for (let writer = 0; writer < 8; writer++) void write(writer);
`;

it('recovers every acknowledged record, none twice, after kill -9 in the middle of writes', async () => {
  await using folder = await createTemporaryFolder();
  const random = createRandom(99);
  const acknowledged = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', writerProgram, folder.path, String(round)],
      { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const lines = createInterface({ input: child.stdout });
    let left = 300 + random.integer(1000);
    lines.on('line', (line) => {
      acknowledged.add(line);
      left -= 1;
      if (left === 0) child.kill('SIGKILL');
    });
    await Promise.all([once(child, 'exit'), once(lines, 'close')]);

    const warnings: string[] = [];
    const log = createLog({
      name: 'test',
      level: 'warn',
      destination: { write: (line) => void warnings.push(line) },
    });
    await using storage = createSegmentStorage({ directory: folder.path, log });
    await storage.open('a', [0, 1]);
    const found = storage
      .shards('a')
      .flatMap(({ directory, end }) => [...readRecords(directory, 0, end)])
      .map((record) => record.bytes.toString().split(' ')[0] ?? '');
    const names = new Set(found);
    expect(found.length).toBe(names.size);
    expect([...acknowledged].filter((name) => !names.has(name))).toEqual([]);
  }
  expect(acknowledged.size).toBeGreaterThan(900);
}, 60_000);
