import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  request as sendHttp,
} from 'node:http';
import type { Exchange } from './case-result.ts';

/** An HTTP proxy between one process of a suite and the emulator. It changes nothing and notes every request. */
export interface RecordingProxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** In the order of arrival; the newest ones are left out when there are very many. */
  exchanges(): readonly Exchange[];
}

const exchangesMax = 50_000;
const textBytesMax = 4000;

/** Keeps the first bytes of a stream as text. */
function startOf(message: IncomingMessage): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  message.on('data', (chunk: Buffer) => {
    if (length < textBytesMax) chunks.push(chunk);
    length += chunk.length;
  });
  return () => Buffer.concat(chunks).subarray(0, textBytesMax).toString('utf8');
}

/** A name below a loopback address is a server of the suite itself; everything else is the cloud. */
function destinationOf(url: string, emulator: URL): { host: string; port: string; path: string } {
  const own = /^http:\/\/[\w.-]+\.127\.0\.0\.1:(\d+)(\/.*)?$/.exec(url);
  if (own?.[1] !== undefined) return { host: '127.0.0.1', port: own[1], path: own[2] ?? '/' };
  return { host: emulator.hostname, port: emulator.port, path: url };
}

function isText(message: IncomingMessage): boolean {
  return !/protobuf|octet/.test(message.headers['content-type'] ?? '');
}

/** Header lines as they came, without the one that is meant for the proxy. */
function linesOf(message: IncomingMessage): string[] {
  const lines: string[] = [];
  for (let index = 0; index < message.rawHeaders.length; index += 2) {
    const name = message.rawHeaders[index] ?? '';
    if (!/^proxy-connection$/i.test(name)) lines.push(name, message.rawHeaders[index + 1] ?? '');
  }
  return lines;
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  emulator: URL,
  note: (exchange: Exchange) => void,
): void {
  const at = Date.now();
  const { method = '', url = '' } = incoming;
  const sent = startOf(incoming);
  const { host, port, path } = destinationOf(url, emulator);
  const done = (status: number, answer: string) =>
    note({ at, method, url, status, sent: status >= 400 && isText(incoming) ? sent() : '', answer });
  const request = sendHttp(
    // A flat list keeps spelling, order and repetitions. The types know only the other form.
    { host, port, method, path, headers: linesOf(incoming) as unknown as OutgoingHttpHeaders },
    (response) => {
      const answer = startOf(response);
      const status = response.statusCode ?? 0;
      outgoing.writeHead(status, linesOf(response));
      response.pipe(outgoing);
      response.on('end', () => done(status, status >= 400 ? answer() : ''));
      response.on('error', () => outgoing.destroy());
    },
  );
  request.on('error', (error) => {
    done(599, error.message);
    outgoing.destroy();
  });
  incoming.on('error', () => request.destroy());
  outgoing.on('close', () => request.destroy());
  incoming.pipe(request);
}

/** Starts a proxy on a free port. Takes the absolute form of proxy clients and the plain form alike. */
export async function startRecordingProxy(emulatorUrl: string): Promise<RecordingProxy> {
  const exchanges: Exchange[] = [];
  const emulator = new URL(emulatorUrl);
  const server = createServer((incoming, outgoing) =>
    forward(incoming, outgoing, emulator, (exchange) => {
      if (exchanges.length < exchangesMax) exchanges.push(exchange);
    }),
  );
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    exchanges: () => exchanges,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
