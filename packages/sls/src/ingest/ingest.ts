import type { Clock } from '@sampan/base';
import { countLogs, encodeLogGroup, encodeLogTags, type LogGroup, slsErrors } from '@sampan/sls-wire';
import type { Catalog } from '../catalog/catalog.ts';
import type { Logstore } from '../catalog/logstore.ts';
import { type Shard, shardOfKey } from '../catalog/shards.ts';
import type { Faults } from '../faults/faults.ts';
import type { LateVisibility } from '../faults/late-visibility.ts';
import type { IndexEngine } from '../index-engine/index-engine.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { LogStorage } from '../storage/store.ts';

/**
 * The service's bound on a log group, uncompressed. It is checked here because only HTTP counts its bodies, and a
 * record that is longer than the readers of a segment accept would stop the index for good.
 */
const logGroupBytesMax = 10 * 1024 * 1024;

/** Where a log group goes and who sent it. */
export interface IngestTarget {
  readonly project: string;
  readonly logstore: string;
  /** Hex MD5 key that chooses the shard; the shards take turns when it is absent. */
  readonly hashKey?: string | undefined;
  /** Address of the client, for the tags of `appendMeta`. */
  readonly clientAddress?: string | undefined;
}

/** The one way into the log, whatever protocol a log group came by. */
export interface Ingest {
  /** Stores an encoded LogGroup. Resolves when it is durable; rejects with the vendor's error. */
  putEncoded(target: IngestTarget, bytes: Uint8Array): Promise<void>;
  /** Stores a LogGroup. */
  put(target: IngestTarget, group: LogGroup): Promise<void>;
}

export interface IngestOptions {
  readonly catalog: Catalog;
  readonly storage: LogStorage;
  readonly engine: Pick<IndexEngine, 'notify'>;
  readonly clock: Clock;
  readonly faults?: Pick<Faults, 'isActive' | 'admitWrite' | 'visibilityDelayMs'>;
  readonly visibility?: LateVisibility;
  readonly metrics?: Pick<Metrics, 'wrote'>;
}

export function createIngest(options: IngestOptions): Ingest {
  const { catalog, storage, clock } = options;
  const notify = createNotifier(options);
  let turn = 0;

  function shardFor(logstore: Logstore, hashKey: string | undefined): Shard {
    if (hashKey !== undefined) {
      const shard = shardOfKey(logstore.shards, hashKey);
      if (shard === undefined) throw slsErrors.parameterInvalid(`hash key ${hashKey} is invalid`);
      return shard;
    }
    const writable = logstore.shards.filter((shard) => shard.status === 'readwrite');
    // Requests that come together go to one shard and share its sync; the next ones have another shard.
    const open = writable[turn % writable.length];
    if (open !== undefined && storage.isGathering(logstore.uid, open.shardID)) return open;
    turn = (turn + 1) % writable.length;
    const shard = writable[turn];
    if (shard === undefined) throw slsErrors.logStoreWithoutShard();
    return shard;
  }

  async function putEncoded(target: IngestTarget, bytes: Uint8Array): Promise<void> {
    const logstore = catalog.requireLogstore(target.project, target.logstore);
    if (bytes.length > logGroupBytesMax) throw slsErrors.postBodyTooLarge(bytes.length, logGroupBytesMax);
    // A group without logs is accepted and leaves no trace.
    const logs = countLogs(bytes);
    if (logs === 0) return;
    const receivedAtMs = clock.nowMs();
    const stored = logstore.appendMeta ? withMeta(bytes, target, receivedAtMs) : bytes;
    const shard = shardFor(logstore, target.hashKey);
    const { uid } = logstore;
    const { faults, visibility } = options;
    if (faults?.isActive === true) {
      const { project, logstore: name } = target;
      faults.admitWrite({ project, logstore: name, uid, shard: shard.shardID, bytes: stored.length });
    }
    const { position } = await storage.append(uid, shard.shardID, { receivedAtMs, bytes: stored });
    options.metrics?.wrote(logs, stored.length);
    const delayMs = faults?.isActive === true ? faults.visibilityDelayMs(target) : 0;
    if (delayMs > 0) visibility?.hide({ uid, shard: shard.shardID, position }, delayMs, () => notify(uid));
    else notify(uid);
  }

  return { putEncoded, put: (target, group) => putEncoded(target, encodeLogGroup(group)) };
}

/** Tells the indexer once per turn of the event loop, however many appends it acknowledged. */
function createNotifier(
  options: Pick<IngestOptions, 'storage' | 'engine' | 'visibility'>,
): (uid: string) => void {
  const waiting = new Set<string>();
  return (uid) => {
    if (waiting.size === 0) {
      setImmediate(() => {
        for (const each of waiting) {
          const shards = options.storage.shards(each);
          options.engine.notify({ uid: each, shards: options.visibility?.visible(each, shards) ?? shards });
        }
        waiting.clear();
      });
    }
    waiting.add(uid);
  };
}

/** The two tags that the service adds to logstores with `appendMeta`. */
function withMeta(bytes: Uint8Array, target: IngestTarget, receivedAtMs: number): Buffer {
  return Buffer.concat([
    bytes,
    encodeLogTags([
      ['__client_ip__', target.clientAddress ?? ''],
      ['__receive_time__', String(Math.floor(receivedAtMs / 1000))],
    ]),
  ]);
}
