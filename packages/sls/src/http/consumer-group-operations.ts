import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';
import { type Call, logstoreOf, type Operation } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { booleanParameter, integerParameter, jsonBody, parameter } from './request.ts';
import { readableShards } from './shard-reading.ts';

const timeoutSchema = z.number().int().min(1).max(86_400);
const createSchema = z.object({
  consumerGroup: z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/),
  timeout: timeoutSchema,
  order: z.boolean().nullish(),
});
const updateSchema = z.object({ timeout: timeoutSchema.nullish(), order: z.boolean().nullish() });
const checkpointSchema = z.object({
  shard: z.number().int().min(0),
  checkpoint: z.string().max(1024),
});
const heldSchema = z.array(z.number().int().min(0)).max(4096);
const consumerNameCharactersMax = 256;

export const createConsumerGroup: Operation = {
  name: 'CreateConsumerGroup',
  async run(call) {
    const uid = uidOf(call);
    const parsed = createSchema.safeParse(jsonBody(call.request));
    if (!parsed.success) throw slsErrors.consumerGroupInvalid();
    const { consumerGroup: name, timeout, order } = parsed.data;
    await call.backend.consumerGroups.create(uid, { name, timeout, order: order ?? false });
    return emptyReply;
  },
};

export const listConsumerGroups: Operation = {
  name: 'ListConsumerGroup',
  run(call) {
    const groups = call.backend.consumerGroups.list(uidOf(call));
    return jsonReply(groups.map(({ name, timeout, order }) => ({ name, timeout, order })));
  },
};

export const updateConsumerGroup: Operation = {
  name: 'UpdateConsumerGroup',
  async run(call) {
    const uid = uidOf(call);
    const parsed = updateSchema.safeParse(jsonBody(call.request));
    if (!parsed.success) throw slsErrors.consumerGroupInvalid();
    const { timeout, order } = parsed.data;
    await call.backend.consumerGroups.update(uid, groupOf(call), {
      timeout: timeout ?? undefined,
      order: order ?? undefined,
    });
    return emptyReply;
  },
};

export const deleteConsumerGroup: Operation = {
  name: 'DeleteConsumerGroup',
  async run(call) {
    await call.backend.consumerGroups.remove(uidOf(call), groupOf(call));
    return emptyReply;
  },
};

export const heartBeat: Operation = {
  name: 'ConsumerGroupHeartBeat',
  async run(call) {
    const uid = uidOf(call);
    const consumer = consumerOf(call);
    if (consumer === '') throw slsErrors.parameterInvalid('Parameter Consumer is not valid');
    const held = heldShards(call);
    const shards = await readableShards(call);
    return jsonReply(call.backend.consumerGroups.heartbeat(uid, groupOf(call), { consumer, held, shards }));
  },
};

export const getCheckpoints: Operation = {
  name: 'GetCheckPoint',
  run(call) {
    const { project, logstore } = logstoreOf(call);
    const { uid, shards } = call.backend.catalog.requireLogstore(project, logstore);
    const wanted = integerParameter(call.request, 'shard') ?? -1;
    const numbers = shards.map((shard) => shard.shardID).filter((id) => wanted < 0 || id === wanted);
    return jsonReply(call.backend.consumerGroups.checkpoints(uid, groupOf(call), numbers));
  },
};

export const updateCheckpoint: Operation = {
  name: 'ConsumerGroupUpdateCheckPoint',
  async run(call) {
    const { project, logstore } = logstoreOf(call);
    const { uid, shards } = call.backend.catalog.requireLogstore(project, logstore);
    const parsed = checkpointSchema.safeParse(jsonBody(call.request));
    if (!parsed.success) throw slsErrors.postBodyNotJson();
    const { shard, checkpoint } = parsed.data;
    if (!isBase64(checkpoint.trim())) throw slsErrors.invalidShardCheckPoint();
    await call.backend.consumerGroups.saveCheckpoint(uid, groupOf(call), {
      shard,
      checkpoint,
      consumer: consumerOf(call),
      isForced: booleanParameter(call.request, 'forceSuccess'),
      shards: shards.map((each) => each.shardID),
    });
    return emptyReply;
  },
};

function uidOf(call: Call): string {
  const { project, logstore } = logstoreOf(call);
  return call.backend.catalog.requireLogstore(project, logstore).uid;
}

function groupOf(call: Call): string {
  return call.path['group'] ?? '';
}

function consumerOf(call: Call): string {
  const consumer = parameter(call.request, 'consumer') ?? '';
  if (consumer.length > consumerNameCharactersMax) {
    throw slsErrors.parameterInvalid(`Parameter Consumer is longer than ${consumerNameCharactersMax}`);
  }
  return consumer;
}

/** The body is a bare array; a consumer that holds nothing may send nothing. */
function heldShards({ request }: Call): number[] {
  if (request.body.length === 0) return [];
  let json: unknown;
  try {
    json = JSON.parse(request.body.toString('utf8'));
  } catch {
    throw slsErrors.postBodyNotJson();
  }
  const parsed = heldSchema.safeParse(json ?? []);
  if (!parsed.success) throw slsErrors.postBodyInvalid('The request body is not an array of shard ids.');
  return parsed.data;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
