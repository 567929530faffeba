import { cp, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, systemCodeOf } from '@sampan/base';
import { slsEmulatorErrors } from '../errors.ts';
import { parseSegmentFileName, segmentFileName } from '../storage/segment-format.ts';
import type { DurableShard, LogStorage } from '../storage/store.ts';
import { syncDirectory } from '../storage/sync-directory.ts';

export interface SnapshotOptions {
  readonly dataDirectory: string;
  readonly storage: Pick<LogStorage, 'durableShards'>;
  /** The logstores to copy, by uid. */
  readonly uids: () => Iterable<string>;
}

/** Documents that are copied as they are; each is replaced whole, so a copy is never half of one. */
const documentFolders = ['identity', 'catalog', 'consumer-groups', 'resources'];

/**
 * Copies a data directory that is in use: what was acknowledged before the call is in the copy. The index is not;
 * an emulator started on the copy builds it from the log. The copy appears under its name when it is whole.
 */
export async function takeSnapshot(target: string, options: SnapshotOptions): Promise<void> {
  const directory = resolve(target);
  if (await exists(directory)) throw refused(directory, 'there is something of that name already');
  const partial = join(dirname(directory), `.${basename(directory)}.${process.pid}.partial`);
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    // Documents first: what they say about the log, such as checkpoints, is then in the log that follows.
    for (const folder of documentFolders)
      await copyDocuments(join(options.dataDirectory, folder), join(partial, folder));
    for (const uid of options.uids()) {
      for (const shard of options.storage.durableShards(uid)) {
        await copyShard(shard, join(partial, 'log', uid, String(shard.shard)));
      }
    }
    await rename(partial, directory);
    await syncDirectory(dirname(directory));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw refused(directory, messageOf(error), error);
  }
}

async function copyDocuments(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  await cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.tmp') });
}

/** Segments before the one being written are final; of that one, what is durable is copied. */
async function copyShard(shard: DurableShard, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const names = await readdir(shard.directory).catch((error: unknown) => {
    // The logstore was deleted meanwhile.
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const first = parseSegmentFileName(name);
    if (first === undefined || shard.last === undefined || first > shard.last.first) continue;
    const bytes = first === shard.last.first ? shard.last.bytes : Number.POSITIVE_INFINITY;
    await copyFront(join(shard.directory, name), join(to, segmentFileName(first)), bytes);
  }
}

const chunkBytes = 1024 * 1024;

async function copyFront(from: string, to: string, bytesMax: number): Promise<void> {
  let source: Awaited<ReturnType<typeof open>>;
  try {
    source = await open(from, 'r');
  } catch (error) {
    // It expired meanwhile.
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  await using _source = source;
  await using target = await open(to, 'wx', 0o600);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; at < bytesMax; ) {
    const { bytesRead } = await source.read(chunk, 0, Math.min(chunkBytes, bytesMax - at), at);
    if (bytesRead === 0) break;
    await target.write(chunk, 0, bytesRead, at);
    at += bytesRead;
  }
  await target.datasync();
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

function refused(directory: string, reason: string, cause?: unknown): Error {
  return slsEmulatorErrors.create('SLS_SNAPSHOT_REFUSED', {
    message: `no snapshot was made at ${directory}: ${reason}`,
    hint: 'name a folder that does not exist yet, on a disk with room for the log',
    ...(cause === undefined ? {} : { cause }),
  });
}
