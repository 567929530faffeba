import { connect, type Socket } from 'node:net';
import { encodeLogGroup } from '@sampan/sls-wire';
import { build, type Histogram } from 'hdr-histogram-js';
import { type SlsTarget, signedHeaders } from './sls-target.ts';

export interface LoadResult {
  /** Requests answered with success. */
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A PutLogs body as it goes over the wire. */
export interface PutLogsBody {
  readonly bytes: Uint8Array;
  /** Absent = not compressed. */
  readonly lz4RawBytes?: number;
}

/** A log group with one log of about one kilobyte, shaped like a row of a workflow. */
export function oneKilobyteLog(): Uint8Array {
  const fields = [
    ['id', '0197f0c2-7a3e-7c11-9b1f-1c7f5a6f1e01'],
    ['tenant_id', '0197f0c2-7a3e-7c11-9b1f-1c7f5a6f1e02'],
    ['app_id', '0197f0c2-7a3e-7c11-9b1f-1c7f5a6f1e03'],
    ['status', 'succeeded'],
    ['log_version', '1763800000000000000'],
    ['inputs', 'x'.repeat(760)],
  ] as const;
  return encodeLogGroup({
    topic: '',
    source: '127.0.0.1',
    tags: [],
    logs: [{ time: Math.floor(Date.now() / 1000), contents: fields }],
  });
}

/**
 * Renders a whole request. Equal requests of one second have equal signatures, so the bytes are made once a
 * second: the load generator then costs little beside the server under test.
 */
function renderRequest(target: SlsTarget, { bytes: body, lz4RawBytes }: PutLogsBody): Buffer {
  const path = `/logstores/${target.logstore}/shards/lb`;
  const lz4 = lz4RawBytes === undefined ? {} : { lz4RawBytes };
  const headers = signedHeaders(target, { path, contentType: 'application/x-protobuf', body, ...lz4 });
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n`, 'latin1'), body]);
}

/** Whole answers at the start of `bytes`: how many bytes the first one takes, or 0 when it is not all there. */
function answerLength(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, end));
  const total = end + 4 + Number(length?.[1] ?? 0);
  return bytes.length < total ? 0 : total;
}

/** One keep-alive connection that sends the next request when the answer to the last one is there. */
function runConnection(
  socket: Socket,
  render: () => Buffer,
  state: { isRunning: boolean; histogram: Histogram },
): Promise<number> {
  return new Promise((resolve, reject) => {
    let done = 0;
    let sentAt = 0;
    let received: Buffer = Buffer.alloc(0);
    const send = (): void => {
      sentAt = performance.now();
      socket.write(render());
    };
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const length = answerLength(received);
      if (length === 0) return;
      if (received.toString('latin1', 9, 12) !== '200') {
        reject(new Error(`PutLogs was refused: ${received.toString('utf8', 0, length)}`));
        return;
      }
      received = received.subarray(length);
      done++;
      state.histogram.recordValue(Math.max(1, Math.round((performance.now() - sentAt) * 1000)));
      if (state.isRunning) send();
      else {
        socket.destroy();
        resolve(done);
      }
    });
    socket.once('error', reject);
    socket.once('connect', send);
  });
}

/** Deals out the rendered requests of a second in turn. */
function createRenderer(target: SlsTarget, bodies: readonly PutLogsBody[]): () => Buffer {
  let second = 0;
  let requests: Buffer[] = [];
  let next = 0;
  return () => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      requests = bodies.map((body) => renderRequest(target, body));
    }
    next = (next + 1) % requests.length;
    return requests[next] ?? Buffer.alloc(0);
  };
}

/** Sends signed PutLogs requests over `connections` connections for `durationMs`, the bodies in turn. */
export async function loadPutLogs(
  target: SlsTarget,
  options: {
    readonly connections: number;
    readonly durationMs: number;
    readonly bodies?: readonly PutLogsBody[];
  },
): Promise<LoadResult> {
  const render = createRenderer(target, options.bodies ?? [{ bytes: oneKilobyteLog() }]);
  const state = { isRunning: true, histogram: build({ numberOfSignificantValueDigits: 3 }) };
  const began = performance.now();
  const timer = setTimeout(() => {
    state.isRunning = false;
  }, options.durationMs);
  const { host, port } = target;
  const counts = await Promise.all(
    Array.from({ length: options.connections }, () =>
      runConnection(connect({ host, port, noDelay: true }), render, state),
    ),
  );
  clearTimeout(timer);
  const seconds = (performance.now() - began) / 1000;
  const count = counts.reduce((sum, each) => sum + each, 0);
  return {
    count,
    perSecond: count / seconds,
    p50Ms: state.histogram.getValueAtPercentile(50) / 1000,
    p99Ms: state.histogram.getValueAtPercentile(99) / 1000,
  };
}
