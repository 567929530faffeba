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

/** What of a shard's files is durable. */
export interface DurableShard {
  readonly shard: number;
  readonly directory: string;
  /** The last segment and its durable length; the ones before it are final. */
  readonly last: { readonly first: number; readonly bytes: number } | undefined;
}

/** The log of every logstore: append-only, durable, the only truth. Logstores are named by their uid. */
export interface LogStorage extends AsyncDisposable {
  /** Makes or recovers the shards of a logstore; appends and views need it. Opening again is harmless. */
  open(uid: string, shards: readonly number[]): Promise<void>;
  /** Resolves once the record is durable. */
  append(uid: string, shard: number, record: NewRecord): Promise<{ position: number }>;
  /** The shards and their acknowledged ends at this moment. */
  shards(uid: string): readonly ShardEnd[];
  /** The shards and the durable part of their files at this moment. */
  durableShards(uid: string): readonly DurableShard[];
  /** True while a shard has an open batch that further records can join without a sync of their own. */
  isGathering(uid: string, shard: number): boolean;
  /** Resolves when every append to a shard begun so far is durable or refused: its end is final if nothing follows. */
  settled(uid: string, shard: number): Promise<void>;
  /** Removes the segments of a logstore whose records all came before a time; resolves with how many. */
  expire(uid: string, beforeMs: number): Promise<number>;
  /** Removes a logstore's folder. */
  drop(uid: string): Promise<void>;
  /** Removes one shard's folder. */
  dropShard(uid: string, shard: number): Promise<void>;
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
  return new SegmentStorage(options);
}

class SegmentStorage implements LogStorage {
  readonly #options: LogStorageOptions;
  /** Open shards by uid and shard number. */
  readonly #logstores = new Map<string, Map<number, OpenShard>>();
  /** The last opening of each logstore that has one under way: two recoveries of one folder would fight. */
  readonly #opening = new Map<string, Promise<void>>();

  constructor(options: LogStorageOptions) {
    this.#options = options;
  }

  open(uid: string, shards: readonly number[]): Promise<void> {
    const next = (this.#opening.get(uid) ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#openLogstore(uid, shards))
      .finally(() => {
        if (this.#opening.get(uid) === next) this.#opening.delete(uid);
      });
    this.#opening.set(uid, next);
    return next;
  }

  async append(uid: string, shard: number, record: NewRecord): Promise<{ position: number }> {
    const open = this.#logstores.get(uid)?.get(shard);
    if (open === undefined) throw slsErrors.shardNotExist(shard);
    return { position: await open.writer.append(record) };
  }

  shards(uid: string): readonly ShardEnd[] {
    const ends: ShardEnd[] = [];
    for (const { shard, directory, writer } of this.#logstores.get(uid)?.values() ?? []) {
      ends.push({ shard, directory, end: writer.end });
    }
    return ends;
  }

  durableShards(uid: string): readonly DurableShard[] {
    const open = [...(this.#logstores.get(uid)?.values() ?? [])];
    return open.map(({ shard, directory, writer }) => ({ shard, directory, last: writer.last }));
  }

  isGathering(uid: string, shard: number): boolean {
    return this.#logstores.get(uid)?.get(shard)?.writer.isGathering === true;
  }

  async settled(uid: string, shard: number): Promise<void> {
    await this.#logstores.get(uid)?.get(shard)?.writer.settled();
  }

  async expire(uid: string, beforeMs: number): Promise<number> {
    let removed = 0;
    for (const { writer } of this.#logstores.get(uid)?.values() ?? [])
      removed += await writer.expire(beforeMs);
    return removed;
  }

  async dropShard(uid: string, shard: number): Promise<void> {
    const open = this.#logstores.get(uid)?.get(shard);
    this.#logstores.get(uid)?.delete(shard);
    await open?.writer.stop();
    await rm(join(this.#options.directory, uid, String(shard)), { recursive: true, force: true });
  }

  async drop(uid: string): Promise<void> {
    const shards = this.#logstores.get(uid);
    this.#logstores.delete(uid);
    if (shards !== undefined) await stopWriters(shards);
    await rm(join(this.#options.directory, uid), { recursive: true, force: true });
  }

  async dropAllExcept(uids: ReadonlySet<string>): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    for (const name of await readdir(directory)) {
      if (!uids.has(name)) await rm(join(directory, name), { recursive: true, force: true });
    }
  }

  async stop(): Promise<void> {
    const open = [...this.#logstores.values()];
    this.#logstores.clear();
    await Promise.all(open.map(stopWriters));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #openLogstore(uid: string, shards: readonly number[]): Promise<void> {
    const { directory } = this.#options;
    const open = this.#logstores.get(uid) ?? new Map<number, OpenShard>();
    const missing = shards.filter((shard) => !open.has(shard));
    for (const opened of await Promise.all(missing.map((shard) => this.#openShard(uid, shard)))) {
      open.set(opened.shard, opened);
    }
    // The folders' own names must survive a crash as well as what is in them.
    if (missing.length > 0) {
      await syncDirectory(join(directory, uid));
      await syncDirectory(directory);
    }
    this.#logstores.set(uid, open);
  }

  async #openShard(uid: string, shard: number): Promise<OpenShard> {
    const { log, segmentBytesMax, files } = this.#options;
    const directory = join(this.#options.directory, uid, String(shard));
    const recovered = await recoverShard(directory);
    if (recovered.tornBytes > 0) {
      log.warn(
        { uid, shard, tornBytes: recovered.tornBytes, end: recovered.end },
        'cut off an unacknowledged tail that an unclean stop left behind',
      );
    }
    for (const damage of recovered.damaged) {
      log.error(
        { uid, shard, ...damage },
        'a record has been changed since it was written and is passed over',
      );
    }
    const writer = createShardWriter({
      directory,
      recovered,
      ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
      ...(files === undefined ? {} : { files }),
    });
    return { shard, directory, writer };
  }
}

async function stopWriters(shards: ReadonlyMap<number, OpenShard>): Promise<void> {
  await Promise.all([...shards.values()].map((shard) => shard.writer.stop()));
}
