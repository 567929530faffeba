import { countLogs, decodeLogPackages, decompress, parseCompressType, slsErrors } from '@sampan/sls-wire';
import { parseJsonLogGroup } from '../ingest/json-log-group.ts';
import { bodyBytesMax } from './body.ts';
import { type Call, logstoreOf, type Operation } from './operation.ts';
import { emptyReply } from './reply.ts';
import { parameter, type SlsRequest } from './request.ts';

/** The three URLs of PutLogs: `/shards/lb`, `/shards/route?key=` and the logstore itself. */
export const putLogs: Operation = {
  name: 'PutLogs',
  async run(call) {
    const { request, backend } = call;
    const { project, logstore } = logstoreOf(call);
    const target = { project, logstore, hashKey: hashKeyOf(call), clientAddress: request.clientAddress };
    const body = rawBody(request);
    if (request.headers['x-log-mode'] === 'batch_group') {
      const groups = decodeLogPackages(body, bodyBytesMax);
      // Each is read before any is stored, so that a broken list leaves nothing behind.
      for (const group of groups) countLogs(group);
      await Promise.all(groups.map((group) => backend.ingest.putEncoded(target, group)));
    } else if (isJson(request, body)) {
      await backend.ingest.put(target, parseJsonLogGroup(body, backend.clock.nowMs()));
    } else await backend.ingest.putEncoded(target, body);
    return emptyReply;
  },
};

/** `key` of the route URL, or the header that older clients send to any of them. */
function hashKeyOf({ request, path }: Call): string | undefined {
  const isRoute = path['shard'] === 'route';
  return (isRoute ? parameter(request, 'key') : undefined) ?? request.headers['x-log-hashkey'];
}

/**
 * The body after decompression. `x-log-bodyrawsize` counts only beside a compress type: clients that do not
 * compress send all sorts of values there.
 */
export function rawBody(request: SlsRequest): Buffer {
  const named = request.headers['x-log-compresstype'];
  if (named === undefined || named === '') return request.body;
  const type = parseCompressType(named);
  if (type === undefined) throw slsErrors.invalidCompressType(named);
  const size = request.headers['x-log-bodyrawsize'];
  if (size === undefined || size === '') throw slsErrors.missingBodyRawSize();
  if (!/^\d{1,15}$/.test(size)) throw slsErrors.invalidBodyRawSize(size);
  if (Number(size) > bodyBytesMax) throw slsErrors.postBodyTooLarge(Number(size), bodyBytesMax);
  return decompress(type, request.body, Number(size));
}

/** No LogGroup begins with an opening brace, and content types say nothing: Java labels JSON as protobuf. */
function isJson(request: SlsRequest, body: Buffer): boolean {
  return body[0] === 0x7b || request.headers['content-type']?.startsWith('application/json') === true;
}
