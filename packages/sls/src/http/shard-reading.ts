import { slsErrors } from '@sampan/sls-wire';
import { requireShard } from '../catalog/shards.ts';
import type { ReadableShard } from '../consumer/consumer-group.ts';
import type { ShardEnd } from '../storage/store.ts';
import { type Call, logstoreOf } from './operation.ts';

/** The number in the path, or the vendor's error. */
export function shardNumberOf(call: Call): number {
  const text = call.path['shard'] ?? '';
  if (!/^\d{1,9}$/.test(text)) throw slsErrors.parameterInvalid('invalid shard id.');
  return Number(text);
}

/** The shard of the call as far as it is acknowledged. The end of a readonly shard is final. */
export async function shardToRead(call: Call): Promise<ShardEnd> {
  const { catalog, storage, view } = call.backend;
  const { project, logstore } = logstoreOf(call);
  const id = shardNumberOf(call);
  const { uid, shards } = catalog.requireLogstore(project, logstore);
  if (requireShard(shards, id).status === 'readonly') await storage.settled(uid, id);
  const found = view(project, logstore).shards.find((each) => each.shard === id);
  if (found === undefined) throw slsErrors.shardNotExist(id);
  return found;
}

/** Every shard of the call's logstore, as consumer groups see them. */
export async function readableShards(call: Call): Promise<ReadableShard[]> {
  const { catalog, storage, finder, view } = call.backend;
  const { project, logstore } = logstoreOf(call);
  const { uid, shards } = catalog.requireLogstore(project, logstore);
  const closed = shards.filter((shard) => shard.status === 'readonly');
  await Promise.all(closed.map((shard) => storage.settled(uid, shard.shardID)));
  const ends = new Map(view(project, logstore).shards.map((each) => [each.shard, each]));
  return Promise.all(
    shards.map(async ({ shardID, status, parents }) => {
      const end = ends.get(shardID);
      const isReadonly = status === 'readonly';
      return {
        shard: shardID,
        isReadonly,
        parents: parents ?? [],
        // Only shards that are no longer written to can be found to be used up.
        begin: isReadonly && end !== undefined ? await finder.begin(end) : 0,
        end: end?.end ?? 0,
      };
    }),
  );
}
