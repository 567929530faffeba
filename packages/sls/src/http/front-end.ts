import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Log, messageOf } from '@sampan/base';
import { isSlsError, type SlsError, slsErrors } from '@sampan/sls-wire';
import type { Authenticator } from '../auth/authenticate.ts';
import { Disconnect, type Faults } from '../faults/faults.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type AddressOptions, createProjectNames } from './address.ts';
import { type AdminRequest, adminPrefix } from './admin.ts';
import { ClientGone, createBodyReader } from './body.ts';
import type { Backend } from './operation.ts';
import { errorReply, type Reply } from './reply.ts';
import { parseTarget, type SlsRequest } from './request.ts';
import { createRequestIds } from './request-id.ts';
import { createRoutes } from './routes.ts';
import { isAnonymous } from './web-tracking.ts';

export interface HttpFrontEndOptions {
  readonly backend: Backend;
  readonly authenticator: Authenticator;
  readonly address: AddressOptions;
  readonly log: Log;
  readonly faults?: Pick<Faults, 'isActive' | 'before' | 'after'>;
  readonly metrics?: Pick<Metrics, 'answered'>;
  /** What answers below `/__sampan__/`. */
  readonly admin?: (request: AdminRequest) => Reply;
}

/** The log API over HTTP. */
export interface HttpFrontEnd {
  /** Accepts clients on one more address. Port 0 picks one. Rejects with Node's error. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>;
  /** Lets running requests finish for a moment, then closes every connection. */
  stop(): Promise<void>;
}

const nextRequestId = createRequestIds();

/** Queries in URLs are long; the default of 16 KB would refuse them. */
const headBytesMax = 64 * 1024;
/** Longer than the idle time of the clients' connection pools, so that it is they who close. */
const keepAliveTimeoutMs = 75_000;
const stopTimeoutMs = 2_000;
const connectionsMax = 10_000;

export function createHttpFrontEnd(options: HttpFrontEndOptions): HttpFrontEnd {
  const servers = new Set<Server>();
  const handle = createHandler(options);

  async function listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    const server = createServer(
      { maxHeaderSize: headBytesMax, keepAliveTimeout: keepAliveTimeoutMs },
      (request, response) => void handle(request, response),
    );
    server.maxConnections = connectionsMax;
    server.on('clientError', answerBrokenHead);
    server.on('connect', (_, socket) => refuseTunnel(socket as Socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address.host, port: address.port, backlog: 1024 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    servers.add(server);
    return { host: address.host, port: (server.address() as AddressInfo).port };
  }

  async function stop(): Promise<void> {
    await Promise.all([...servers].map(closeServer));
    servers.clear();
  }

  return { listen, stop };
}

/**
 * The stages of a request, in this order:
 * 1. limit: the head was bounded by the server, the body is bounded here, before anything looks at it;
 * 2. parse: target, host and project, from then on plain values;
 * 3. authenticate: over the bytes as sent, before routing, so that strangers learn nothing about paths;
 * 4. route: the operation of method, path and `type`;
 * 5. reply: the operation's answer, with the headers that every answer has;
 * 6. error: the one place where an error becomes an answer.
 * Injected faults strike before and after the operation runs.
 */
function createHandler(
  options: HttpFrontEndOptions,
): (incoming: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { backend, authenticator, address, faults } = options;
  const route = createRoutes();
  const projectOf = createProjectNames(address);
  const bodies = createBodyReader();
  const note = createAccessNotes(options);

  async function run(request: SlsRequest, seen: Seen): Promise<Reply> {
    if (!isAnonymous(request)) authenticator.check(request, request.body);
    const { operation, path } = route(request);
    seen.operation = operation.name;
    if (faults?.isActive !== true) return operation.run({ backend, request, path });
    const target = { operation: operation.name, project: request.project, logstore: path['logstore'] };
    await faults.before(target);
    const reply = await operation.run({ backend, request, path });
    faults.after(target);
    return reply;
  }

  async function answer(incoming: IncomingMessage, seen: Seen): Promise<Reply> {
    const body = await bodies.read(incoming);
    seen.bytes = body.length;
    try {
      if (options.admin !== undefined && incoming.url?.startsWith(adminPrefix) === true) {
        seen.operation = 'Admin';
        return options.admin(adminRequest(incoming, body));
      }
      const request = parseRequest(incoming, { requestId: seen.requestId, body, projectOf });
      seen.project = request.project;
      return await run(request, seen);
    } finally {
      bodies.release(body);
    }
  }

  return async (incoming, response) => {
    const began = performance.now();
    const seen: Seen = { requestId: nextRequestId(), operation: 'unknown', project: undefined, bytes: 0 };
    const { requestId } = seen;
    let reply: Reply;
    try {
      reply = await answer(incoming, seen);
      write(response, reply, { requestId, isBodyLeft: false });
    } catch (error) {
      if (error instanceof ClientGone) return;
      if (error instanceof Disconnect) {
        response.destroy();
        return;
      }
      reply = errorReply(asSlsError(error));
      if (!isSlsError(error)) {
        options.log.error(
          { requestId, method: incoming.method, reason: messageOf(error) },
          'a request failed',
        );
      }
      write(response, reply, { requestId, isBodyLeft: !incoming.complete });
    }
    note(incoming, seen, { reply, elapsedMs: performance.now() - began });
  };
}

/** What is known about a request by the time it is answered. */
interface Seen {
  readonly requestId: string;
  operation: string;
  project: string | undefined;
  bytes: number;
}

type Answered = { readonly reply: Reply; readonly elapsedMs: number };

/** Counts each answer and, at level `debug`, writes one line about it: the path without the query, no headers. */
function createAccessNotes({
  log,
  metrics,
}: HttpFrontEndOptions): (incoming: IncomingMessage, seen: Seen, answered: Answered) => void {
  return (incoming, seen, { reply, elapsedMs }) => {
    metrics?.answered(seen.operation, reply.status, elapsedMs / 1000);
    if (!log.isLevelEnabled('debug')) return;
    const { requestId, operation, project, bytes } = seen;
    log.debug(
      {
        requestId,
        operation,
        project,
        method: incoming.method,
        path: parseTarget(incoming.url ?? '/').path,
        status: reply.status,
        requestBytes: bytes,
        replyBytes: reply.body.length,
        elapsedMs: Number(elapsedMs.toFixed(3)),
      },
      'request',
    );
  };
}

function adminRequest(incoming: IncomingMessage, body: Buffer): AdminRequest {
  return {
    method: incoming.method ?? 'GET',
    path: parseTarget(incoming.url ?? '/').path,
    headers: incoming.headers as Record<string, string | undefined>,
    body,
    clientAddress: incoming.socket.remoteAddress,
  };
}

function parseRequest(
  incoming: IncomingMessage,
  context: { requestId: string; body: Buffer; projectOf: (host: string) => string | undefined },
): SlsRequest {
  const { authority, path, query } = parseTarget(incoming.url ?? '/');
  // A header that came several times is already one text, except for those that Node keeps as a list.
  const headers = incoming.headers as Record<string, string | undefined>;
  const host = authority ?? headers['host'];
  if (host === undefined) throw slsErrors.missingHost();
  if (host === '') throw slsErrors.invalidHost(host);
  return {
    requestId: context.requestId,
    method: incoming.method ?? 'GET',
    path,
    query,
    headers,
    body: context.body,
    project: context.projectOf(host),
    clientAddress: incoming.socket.remoteAddress,
  };
}

/** Anything unexpected is the service's fault, and clients retry it. */
function asSlsError(error: unknown): SlsError {
  return isSlsError(error) ? error : slsErrors.internalServerError();
}

function write(
  response: ServerResponse,
  reply: Reply,
  context: { requestId: string; isBodyLeft: boolean },
): void {
  if (response.destroyed) return;
  response.writeHead(reply.status, {
    ...reply.headers,
    'content-length': reply.body.length,
    server: 'sampan-sls',
    'access-control-allow-origin': '*',
    'x-log-requestid': context.requestId,
    // A body that nobody will read ends the connection.
    ...(context.isBodyLeft ? { connection: 'close' } : {}),
    'x-log-time': Math.floor(Date.now() / 1000),
  });
  // Without a body the head goes out in one plain write.
  if (reply.body.length === 0) response.end();
  else response.end(reply.body);
}

/** Bytes that are not HTTP get the vendor's error shape as well; the connection cannot go on. */
function answerBrokenHead(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const isTooLong = error.code === 'HPE_HEADER_OVERFLOW';
  endWith(
    socket,
    slsErrors.parameterInvalid(
      isTooLong ? `http header is larger than ${headBytesMax} bytes` : 'the request is not valid HTTP/1.1',
    ),
  );
}

/** CONNECT comes from a client that uses the emulator as its proxy and has an https endpoint. */
function refuseTunnel(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  endWith(socket, slsErrors.notEmulated('CONNECT (a tunnel for https; give the client an http:// endpoint)'));
}

/** The last answer on a connection that has left HTTP's normal course. */
function endWith(socket: Socket, error: SlsError): void {
  const reply = errorReply(error);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${reply.body.length}\r\n` +
      `x-log-requestid: ${nextRequestId()}\r\nConnection: close\r\n\r\n${reply.body.toString('utf8')}`,
  );
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), stopTimeoutMs);
  await closed;
  clearTimeout(force);
}
