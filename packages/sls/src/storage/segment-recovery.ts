import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Damage, findNextRecord } from './damage.ts';
import {
  checkRecord,
  isSegmentHead,
  parseSegmentFileName,
  segmentFileName,
  segmentHeadBytes,
} from './segment-format.ts';
import { syncDirectory } from './sync-directory.ts';

/** What a shard's folder holds once its end has been made sound. */
export interface RecoveredShard {
  /** Position of the next record. */
  readonly end: number;
  /** The segment to go on writing; absent when the next record begins a new one. */
  readonly last: { readonly first: number; readonly bytes: number } | undefined;
  /** Bytes cut off behind the last sound record; 0 after a clean stop. */
  readonly tornBytes: number;
  /** When the last sound record came; 0 when there is none. */
  readonly newestMs: number;
  /** Records that cannot be read although sound ones follow: their bytes have changed since they were written. */
  readonly damaged: readonly Damage[];
}

const chunkBytes = 1024 * 1024;

/**
 * Makes the folder and cuts off what a crash left half written behind the last sound record. Only the last
 * segment can have such a tail, because a segment is begun only after its predecessor was synced. What is cut
 * off was never acknowledged; it is kept once, as `torn.bin`, for whoever wants to look. Broken bytes with sound
 * records behind them are no torn tail: they stay where they are, and readers pass over them.
 */
export async function recoverShard(directory: string): Promise<RecoveredShard> {
  await mkdir(directory, { recursive: true });
  const firsts = (await readdir(directory))
    .map(parseSegmentFileName)
    .filter((first) => first !== undefined)
    .sort((a, b) => a - b);
  const first = firsts.at(-1);
  if (first === undefined) return { end: 0, last: undefined, tornBytes: 0, newestMs: 0, damaged: [] };

  const path = join(directory, segmentFileName(first));
  const scan = await scanSegment(path, first);
  if (scan.soundBytes < segmentHeadBytes) {
    // The crash came between making the file and writing its head: there is no record in it.
    await rm(path);
    await syncDirectory(directory);
    return { end: first, last: undefined, tornBytes: scan.fileBytes, newestMs: 0, damaged: [] };
  }
  const tornBytes = scan.fileBytes - scan.soundBytes;
  if (tornBytes > 0) await cutTail(directory, path, scan.soundBytes);
  const { end, newestMs, damaged } = scan;
  return { end, last: { first, bytes: scan.soundBytes }, tornBytes, newestMs, damaged };
}

interface Scan {
  readonly end: number;
  readonly soundBytes: number;
  readonly fileBytes: number;
  readonly newestMs: number;
  readonly damaged: readonly Damage[];
}

async function scanSegment(path: string, first: number): Promise<Scan> {
  await using file = await open(path, 'r');
  const fileBytes = (await file.stat()).size;
  const head = Buffer.alloc(segmentHeadBytes);
  await file.read(head, 0, segmentHeadBytes, 0);
  // A head that was never written has nothing behind it; one that has been changed since does not matter.
  const isHeadless =
    !isSegmentHead(head, first) && findNextRecord(file.fd, { position: first - 1, offset: 0 }) === undefined;
  if (isHeadless) return { end: first, soundBytes: 0, fileBytes, newestMs: 0, damaged: [] };

  const damaged: Damage[] = [];
  let newestMs = 0;
  let position = first;
  let offset = segmentHeadBytes;
  let chunk = Buffer.alloc(0);
  let at = 0;
  for (;;) {
    const check = checkRecord(chunk, at, position);
    if (check.kind === 'record') {
      newestMs = chunk.readUIntLE(at + 16, 6);
      offset += check.end - at;
      at = check.end;
      position += 1;
      continue;
    }
    if (check.kind === 'broken' || fileBytes - offset < check.bytesNeeded) {
      const sound = findNextRecord(file.fd, { position, offset });
      if (sound === undefined) break;
      damaged.push({ path, offset, from: position, to: sound.position });
      ({ position, offset } = sound);
      chunk = Buffer.alloc(0);
      at = 0;
      continue;
    }
    chunk = Buffer.allocUnsafe(Math.max(chunkBytes, check.bytesNeeded));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
    chunk = chunk.subarray(0, bytesRead);
    at = 0;
    if (bytesRead < check.bytesNeeded) break;
  }
  return { end: position, soundBytes: offset, fileBytes, newestMs, damaged };
}

async function cutTail(directory: string, path: string, soundBytes: number): Promise<void> {
  await using file = await open(path, 'r+');
  const { size } = await file.stat();
  const tail = Buffer.alloc(size - soundBytes);
  await file.read(tail, 0, tail.length, soundBytes);
  await writeFile(join(directory, 'torn.bin'), tail);
  await file.truncate(soundBytes);
  await file.sync();
}
