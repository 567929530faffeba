import { SlsError, slsErrors } from '@sampan/sls-wire';
import { parseJsonLogGroup } from '../ingest/json-log-group.ts';
import { type Call, logstoreOf, type Operation } from './operation.ts';
import { rawBody } from './put-logs.ts';
import { emptyReply, type Reply } from './reply.ts';
import type { SlsRequest } from './request.ts';

/** What a tracking pixel shows: one transparent point. */
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/** The service's bound on what a URL may bring. */
const trackedBytesMax = 16 * 1024;

/** Parameters that are not fields of the log. */
const reserved: readonly string[] = ['APIVersion', '__topic__', '__source__'];

/** Requests that need no signature: browsers hold no secret. The logstore says whether it takes them. */
export function isAnonymous(request: Pick<SlsRequest, 'method' | 'path'>): boolean {
  return (
    request.method === 'OPTIONS' || /^\/+logstores\/+[^/]+\/+track(_ua\.gif|\.gif)?\/*$/.test(request.path)
  );
}

/** What a browser asks before it sends a log from another origin. */
export const preflight: Operation = {
  name: 'Preflight',
  run: ({ request }) => ({
    ...emptyReply,
    headers: {
      'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
      'access-control-allow-headers':
        request.headers['access-control-request-headers'] ??
        'x-log-apiversion, x-log-bodyrawsize, x-log-compresstype, content-type',
      'access-control-max-age': '86400',
    },
  }),
};

function requireTracking(call: Call): { project: string; logstore: string } {
  const target = logstoreOf(call);
  const { enable_tracking: isTracking } = call.backend.catalog.requireLogstore(
    target.project,
    target.logstore,
  );
  if (isTracking) return target;
  throw new SlsError(401, 'Unauthorized', `web tracking is not enabled for logstore ${target.logstore}`);
}

/** `GET …/track`: each parameter is a field. */
function getTrack(name: string, extra: (request: SlsRequest) => [string, string][], reply: Reply): Operation {
  return {
    name,
    async run(call) {
      const target = requireTracking(call);
      const { request, backend } = call;
      const fields = request.query.filter(([key]) => !reserved.includes(key));
      const bytes = fields.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
      if (bytes > trackedBytesMax) throw slsErrors.postBodyTooLarge(bytes, trackedBytesMax);
      await backend.ingest.put(
        { ...target, clientAddress: request.clientAddress },
        {
          topic: parameterOf(request, '__topic__'),
          source: parameterOf(request, '__source__') || (request.clientAddress ?? ''),
          tags: [],
          logs: [
            {
              time: Math.floor(backend.clock.nowMs() / 1000),
              contents: [...fields, ...extra(request)].map(([key, value]) => [key, value]),
            },
          ],
        },
      );
      return reply;
    },
  };
}

function parameterOf(request: SlsRequest, name: string): string {
  return request.query.find(([key]) => key === name)?.[1] ?? '';
}

const pixelReply: Reply = {
  status: 200,
  headers: { 'content-type': 'image/gif', 'cache-control': 'no-store' },
  body: pixel,
};

export const trackByUrl = getTrack('GetWebtracking', () => [], emptyReply);
export const trackByPixel = getTrack('GetWebtracking', () => [], pixelReply);

/** The pixel that also notes who asked. */
export const trackByPixelWithAgent = getTrack(
  'GetWebtracking',
  ({ headers, clientAddress }) => [
    ['__client_ip__', clientAddress ?? ''],
    ['__userAgent__', headers['user-agent'] ?? ''],
    ['__referer__', headers['referer'] ?? ''],
  ],
  pixelReply,
);

/** PutWebtracking: the JSON form of PutLogs. */
export const putWebtracking: Operation = {
  name: 'PutWebtracking',
  async run(call) {
    const target = requireTracking(call);
    const { request, backend } = call;
    const group = parseJsonLogGroup(rawBody(request), backend.clock.nowMs());
    const source = group.source || (request.clientAddress ?? '');
    await backend.ingest.put({ ...target, clientAddress: request.clientAddress }, { ...group, source });
    return emptyReply;
  },
};
