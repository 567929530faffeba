import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '@sampan/base';
import { createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { readRecords } from './segment-reader.ts';
import { createSegmentStorage } from './store.ts';

/** Mounts a small file system, or says why that is not possible here. */
function mountSmallDisk(path: string): string | undefined {
  mkdirSync(path, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `a file system cannot be mounted: ${String(error).split('\n')[0]}`;
  }
}

it('refuses what a full disk cannot hold, keeps what it acknowledged, and works on when there is room', async (context) => {
  await using folder = await createTemporaryFolder();
  const disk = join(folder.path, 'disk');
  const reason = mountSmallDisk(disk);
  if (reason !== undefined) return context.skip(reason);
  try {
    const acknowledged: string[] = [];
    const refused: string[] = [];
    const open = async () => {
      const storage = createSegmentStorage({ directory: join(disk, 'log'), log: silentLog });
      await storage.open('full', [0]);
      await storage.open('other', [0]);
      return storage;
    };
    {
      await using storage = await open();
      const append = async (uid: string, name: string): Promise<void> => {
        const bytes = Buffer.from(`${name} ${'x'.repeat(30_000)}`);
        await storage.append(uid, 0, { receivedAtMs: 1, bytes }).then(
          () => acknowledged.push(name),
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'ENOSPC' });
            refused.push(name);
          },
        );
      };
      await append('other', 'other');
      for (let round = 0; round < 8; round++) {
        await Promise.all(Array.from({ length: 8 }, (_, n) => append('full', `${round}.${n}`)));
      }
      expect(refused.length).toBeGreaterThan(10);
      expect(acknowledged.length).toBeGreaterThan(10);
      await storage.drop('other');
      await append('full', 'after');
      expect(acknowledged.at(-1)).toBe('after');
    }
    await using again = await open();
    const [shard] = again.shards('full');
    const found = [...readRecords(shard?.directory ?? '', 0, shard?.end ?? 0)];
    const names = found.map((one) => one.bytes.toString().split(' ')[0]);
    expect(names).toEqual(acknowledged.filter((name) => name !== 'other'));
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});
