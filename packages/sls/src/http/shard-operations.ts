import type { Shard } from '../catalog/shards.ts';
import { logstoreOf, type Operation } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { integerParameter, parameter } from './request.ts';
import { shardNumberOf } from './shard-reading.ts';

export const listShards: Operation = {
  name: 'ListShards',
  run(call) {
    const { project, logstore } = logstoreOf(call);
    return jsonReply(call.backend.catalog.requireLogstore(project, logstore).shards.map(shardJson));
  },
};

export const splitShard: Operation = {
  name: 'SplitShard',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const split = {
      shard: shardNumberOf(call),
      key: parameter(call.request, 'key'),
      count: integerParameter(call.request, 'shardCount'),
    };
    return jsonReply((await call.backend.catalog.splitShard(project, logstore, split)).map(shardJson));
  },
};

export const mergeShards: Operation = {
  name: 'MergeShards',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const touched = await call.backend.catalog.mergeShards(project, logstore, shardNumberOf(call));
    return jsonReply(touched.map(shardJson));
  },
};

export const deleteShard: Operation = {
  name: 'DeleteShard',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    await call.backend.catalog.deleteShard(project, logstore, shardNumberOf(call));
    return emptyReply;
  },
};

function shardJson(shard: Shard): Record<string, unknown> {
  const { shardID, status, inclusiveBeginKey, exclusiveEndKey, createTime } = shard;
  return { shardID, status, inclusiveBeginKey, exclusiveEndKey, createTime };
}
