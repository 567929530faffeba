import { encodeLogGroupList, slsErrors } from '@sampan/sls-wire';
import { encodeCursor, requireCursor } from '../consumer/cursor.ts';
import type { ShardEnd } from '../storage/store.ts';
import { compressedReply } from './compressed-reply.ts';
import type { Call, Operation } from './operation.ts';
import { jsonReply, type Reply } from './reply.ts';
import { integerParameter, parameter } from './request.ts';
import { shardToRead } from './shard-reading.ts';

/** A reply of PullLogs ends behind the log group that reaches this many bytes. */
const pullBytesMax = 5 * 1024 * 1024;
const pullGroupsMax = 1000;

export const getCursor: Operation = {
  name: 'GetCursor',
  async run(call) {
    const shard = await shardToRead(call);
    return jsonReply({ cursor: encodeCursor(await positionFrom(call, shard)) });
  },
};

/** The time at which the server took the log group that a cursor points at; at the end, now. */
export const getCursorTime: Operation = {
  name: 'GetCursorTime',
  async run(call) {
    const shard = await shardToRead(call);
    const position = requireCursor(parameter(call.request, 'cursor'), shard.end);
    const range = { from: position, recordsMax: 1, bytesMax: 1 };
    const [record] = await call.backend.finder.read(shard, range);
    return jsonReply({ cursor_time: seconds(record?.receivedAtMs ?? call.backend.clock.nowMs()) });
  },
};

export const pullLogs: Operation = {
  name: 'PullLogs',
  async run(call) {
    const { request } = call;
    refuseProcessing(call);
    const shard = await shardToRead(call);
    const count = integerParameter(request, 'count') ?? pullGroupsMax;
    if (count < 0) throw slsErrors.parameterInvalid('ParameterCount should be in [0-1000]');
    const cursor = parameter(request, 'cursor');
    const from = requireCursor(cursor, shard.end);
    const endCursor = parameter(request, 'end_cursor');
    const to = endCursor === undefined ? shard.end : requireCursor(endCursor, Number.MAX_SAFE_INTEGER);
    // Some clients send 0 for "as many as you like".
    const recordsMax = Math.min(count === 0 ? pullGroupsMax : count, pullGroupsMax);
    const records = await call.backend.finder.read(shard, { from, to, recordsMax, bytesMax: pullBytesMax });
    const last = records.at(-1);
    const next = last === undefined ? undefined : last.position + 1;
    const headers: Record<string, string> = {
      'content-type': 'application/x-protobuf',
      'x-log-cursor': next === undefined ? (cursor ?? '').trim() : encodeCursor(next),
      'x-log-count': String(records.length),
      'x-log-end-of-cursor': next === undefined || next >= Math.min(to, shard.end) ? '1' : '0',
      'x-log-cursor-time': String(last === undefined ? 0 : seconds(last.receivedAtMs)),
      ...(last === undefined ? {} : { 'x-log-read-last-cursor': encodeCursor(last.position) }),
    };
    const body = encodeLogGroupList(records.map((record) => record.bytes));
    return pulled({ status: 200, headers, body }, request.headers['accept-encoding']);
  },
};

/** Always with the raw size; without a coding when there is nothing to code. */
function pulled(reply: Reply, accepted: string | undefined): Reply {
  const sized = { ...reply, headers: { ...reply.headers, 'x-log-bodyrawsize': String(reply.body.length) } };
  return reply.body.length === 0 ? sized : compressedReply(sized, accepted);
}

function refuseProcessing({ request }: Call): void {
  const query = parameter(request, 'query')?.trim();
  if (query !== undefined && query !== '' && query !== '*') {
    throw slsErrors.notEmulated('PullLogs with a query (SPL)');
  }
  if (parameter(request, 'processor') !== undefined) throw slsErrors.notEmulated('PullLogs with a processor');
}

async function positionFrom(call: Call, shard: ShardEnd): Promise<number> {
  const from = parameter(call.request, 'from');
  if (from === 'begin') return call.backend.finder.begin(shard);
  if (from === 'end') return shard.end;
  if (from === undefined || !/^-?\d{1,15}$/.test(from)) {
    throw slsErrors.parameterInvalid('Parameter From is not valid');
  }
  return call.backend.finder.positionAt(shard, Number(from) * 1000);
}

function seconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}
