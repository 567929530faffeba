import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import type { SegmentFiles } from './segment-files.ts';
import { recoverShard } from './segment-recovery.ts';
import { createShardWriter, type NewRecord, type ShardWriter } from './shard-writer.ts';
import { syncDirectory } from './sync-directory.ts';

/** A shard as a reader may see it now. */
export interface ShardEnd {
  readonly shard: number;
  /** Folder of its segments. */
  readonly directory: string;
  /** Everything below this position is acknowledged. */
  readonly end: number;
}

/** The log of every logstore: append-only, durable, the only truth. Logstores are named by their uid. */
export interface LogStorage extends AsyncDisposable {
  /** Makes or recovers the shards of a logstore; appends and views need it. Opening again is harmless. */
  open(uid: string, shards: readonly number[]): Promise<void>;
  /** Resolves once the record is durable. */
  append(uid: string, shard: number, record: NewRecord): Promise<{ position: number }>;
  /** The shards and their acknowledged ends at this moment. */
  shards(uid: string): readonly ShardEnd[];
  /** Removes a logstore's folder. */
  drop(uid: string): Promise<void>;
  /** Removes the folders of logstores that no longer exist, left behind by a crash during a deletion. */
  dropAllExcept(uids: ReadonlySet<string>): Promise<void>;
  stop(): Promise<void>;
}

export interface LogStorageOptions {
  readonly directory: string;
  readonly log: Log;
  readonly segmentBytesMax?: number;
  readonly files?: SegmentFiles;
}

interface OpenShard {
  readonly shard: number;
  readonly directory: string;
  readonly writer: ShardWriter;
}

/** Creates a storage of segment files below `directory`, one folder per logstore and shard. */
export function createSegmentStorage(options: LogStorageOptions): LogStorage {
  const { directory, log } = options;
  const logstores = new Map<string, Map<number, OpenShard>>();
  const opening = new Map<string, Promise<void>>();

  async function openShard(uid: string, shard: number): Promise<OpenShard> {
    const shardDirectory = join(directory, uid, String(shard));
    const recovered = await recoverShard(shardDirectory);
    if (recovered.tornBytes > 0) {
      log.warn(
        { uid, shard, tornBytes: recovered.tornBytes, end: recovered.end },
        'cut off an unacknowledged tail that an unclean stop left behind',
      );
    }
    const { segmentBytesMax, files } = options;
    const writer = createShardWriter({
      directory: shardDirectory,
      recovered,
      ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
      ...(files === undefined ? {} : { files }),
    });
    return { shard, directory: shardDirectory, writer };
  }

  async function openLogstore(uid: string, shards: readonly number[]): Promise<void> {
    const open = logstores.get(uid) ?? new Map<number, OpenShard>();
    const missing = shards.filter((shard) => !open.has(shard));
    for (const opened of await Promise.all(missing.map((shard) => openShard(uid, shard)))) {
      open.set(opened.shard, opened);
    }
    // The folders' own names must survive a crash as well as what is in them.
    if (missing.length > 0) {
      await syncDirectory(join(directory, uid));
      await syncDirectory(directory);
    }
    logstores.set(uid, open);
  }

  async function close(shards: ReadonlyMap<number, OpenShard> | undefined): Promise<void> {
    if (shards !== undefined) await Promise.all([...shards.values()].map((shard) => shard.writer.stop()));
  }

  const storage: LogStorage = {
    open(uid, shards) {
      // One after another per logstore: two recoveries of one folder would fight.
      const next = (opening.get(uid) ?? Promise.resolve())
        .catch(() => {})
        .then(() => openLogstore(uid, shards))
        .finally(() => {
          if (opening.get(uid) === next) opening.delete(uid);
        });
      opening.set(uid, next);
      return next;
    },
    async append(uid, shard, record) {
      const open = logstores.get(uid)?.get(shard);
      if (open === undefined) throw slsErrors.shardNotExist(shard);
      return { position: await open.writer.append(record) };
    },
    shards(uid) {
      const open = logstores.get(uid);
      if (open === undefined) return [];
      return [...open.values()].map((shard) => ({
        shard: shard.shard,
        directory: shard.directory,
        end: shard.writer.end,
      }));
    },
    async drop(uid) {
      const shards = logstores.get(uid);
      logstores.delete(uid);
      await close(shards);
      await rm(join(directory, uid), { recursive: true, force: true });
    },
    async dropAllExcept(uids) {
      await mkdir(directory, { recursive: true });
      for (const name of await readdir(directory)) {
        if (!uids.has(name)) await rm(join(directory, name), { recursive: true, force: true });
      }
    },
    async stop() {
      const open = [...logstores.values()];
      logstores.clear();
      await Promise.all(open.map(close));
    },
    [Symbol.asyncDispose]: () => storage.stop(),
  };
  return storage;
}
