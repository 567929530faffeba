import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  parseSegmentFileName,
  recordHeadBytes,
  segmentFileName,
  segmentHeadBytes,
} from './segment-format.ts';
import { syncDirectory } from './sync-directory.ts';

/**
 * Removes the segments at the front of a shard whose records all came before a time; the last segment stays. What
 * a segment holds is no newer than the first record of the next one.
 *
 * @param newestMs when the newest record of the shard came, which stands for a last segment without records
 */
export async function removeExpiredSegments(
  directory: string,
  times: { readonly beforeMs: number; readonly newestMs: number },
): Promise<number> {
  const firsts = (await readdir(directory))
    .map(parseSegmentFileName)
    .filter((first) => first !== undefined)
    .sort((a, b) => a - b);
  let removed = 0;
  for (const [index, first] of firsts.slice(0, -1).entries()) {
    const next = join(directory, segmentFileName(firsts[index + 1] ?? 0));
    const newestMs = (await firstReceivedAt(next)) ?? times.newestMs;
    if (newestMs >= times.beforeMs) break;
    await rm(join(directory, segmentFileName(first)));
    removed += 1;
  }
  if (removed > 0) await syncDirectory(directory);
  return removed;
}

async function firstReceivedAt(path: string): Promise<number | undefined> {
  await using file = await open(path, 'r');
  const head = Buffer.alloc(recordHeadBytes);
  const { bytesRead } = await file.read(head, 0, recordHeadBytes, segmentHeadBytes);
  return bytesRead < recordHeadBytes ? undefined : head.readUIntLE(16, 6);
}
