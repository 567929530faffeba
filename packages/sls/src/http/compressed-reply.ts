import { type CompressType, compress, parseCompressType } from '@sampan/sls-wire';
import type { Reply } from './reply.ts';

/** Only an `Accept-Encoding` of exactly one coding is a wish; a list comes from a generic HTTP library. */
export function compressedReply(reply: Reply, accepted: string | undefined): Reply {
  const type: CompressType | undefined = parseCompressType(accepted?.trim() ?? '');
  if (type === undefined) return reply;
  return {
    ...reply,
    headers: {
      ...reply.headers,
      'x-log-compresstype': type,
      'x-log-bodyrawsize': String(reply.body.length),
    },
    body: compress(type, reply.body),
  };
}
