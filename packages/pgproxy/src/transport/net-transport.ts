import { createServer, Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Connect, OpenTransport, Transport, TransportSink, Transports } from './transport.ts';

/** Bytes that may wait in this process for one peer before its source pauses. */
const highWaterBytes = 64 * 1024;
const largeReadBytes = 64 * 1024;
/** Requests are short, and most clients are idle; who sends more gets larger reads, step by step. */
const clientReadBytes = 1024;

interface Addresses {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** Sinks are told about errors as a close: what matters to a proxy is that the peer is gone. */
abstract class SocketTransport implements Transport {
  readonly socket: Socket;
  remoteAddress = '';
  remotePort = 0;
  localAddress = '';
  localPort = 0;
  abstract readonly isEncrypted: boolean;
  #isPaused = false;

  constructor(socket: Socket, addresses: Addresses) {
    this.socket = socket;
    this.nameEnds(addresses);
  }

  /** Remembers both ends, because a closed socket no longer knows them. */
  nameEnds(addresses: Addresses): void {
    this.remoteAddress = addresses.remoteAddress ?? '';
    this.remotePort = addresses.remotePort ?? 0;
    this.localAddress = addresses.localAddress ?? '';
    this.localPort = addresses.localPort ?? 0;
  }

  get isFull(): boolean {
    return this.socket.writableNeedDrain;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    const socket = this.socket;
    if (socket.destroyed || socket.writableEnded) return true;
    socket.write(buffer.subarray(start, end));
    // Zero when the kernel took everything within the call: then no one refers to the memory.
    return socket.writableLength === 0;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  protected listen(sink: () => TransportSink): void {
    this.socket.on('drain', () => sink().drained());
    this.socket.once('close', () => sink().closed());
    this.socket.on('error', () => this.socket.destroy());
  }
}

/** A read buffer of its own per socket, replaced only when its memory was handed on or its size is wrong. */
class ReadBuffer {
  current: Buffer;
  readonly #smallBytes: number;

  constructor(smallBytes: number) {
    this.#smallBytes = smallBytes;
    this.current = Buffer.allocUnsafeSlow(smallBytes);
  }

  /** Chooses the memory of the next read. Bulk senders get large reads; the rest stay small while idle. */
  next(lastRead: number, isFree: boolean): Buffer {
    const size = this.current.length;
    const isFull = lastRead === size && size < largeReadBytes;
    const isWide = lastRead <= size / 8 && size > this.#smallBytes;
    const wanted = isFull ? size * 4 : isWide ? size / 4 : size;
    if (wanted !== size || !isFree) this.current = Buffer.allocUnsafeSlow(wanted);
    return this.current;
  }
}

interface OnRead {
  readonly buffer: () => Uint8Array;
  callback(bytesRead: number, buffer: Uint8Array): boolean;
}

/** Plain TCP, read through `onread` into one reused buffer, so that a read allocates nothing. */
export class NetTransport extends SocketTransport implements OpenTransport {
  readonly isEncrypted = false;
  sink: TransportSink;

  constructor(socket: Socket, sink: TransportSink) {
    super(socket, socket);
    this.sink = sink;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    this.listen(() => this.sink);
  }

  /** Continues the stream encrypted, as the server side of a TLS session. */
  encrypt(context: SecureContext, sink: TransportSink): TlsTransport {
    this.sink = detachedSink;
    this.socket.removeAllListeners('drain');
    return new TlsTransport(
      new TLSSocket(this.socket, { isServer: true, secureContext: context }),
      this,
      sink,
    );
  }
}

const detachedSink: TransportSink = { data: () => true, drained: () => {}, closed: () => {} };

/** TLS towards a client. Decrypted bytes come in buffers of their own. */
class TlsTransport extends SocketTransport {
  readonly isEncrypted = true;

  constructor(socket: TLSSocket, below: Transport, sink: TransportSink) {
    super(socket, below);
    socket.on('data', (bytes: Buffer) => void sink.data(bytes, 0, bytes.length));
    this.listen(() => sink);
  }
}

function createOnRead(readBytes: number, sink: () => TransportSink): OnRead {
  const reads = new ReadBuffer(readBytes);
  let lastRead = 0;
  let isFree = true;
  return {
    buffer: () => reads.next(lastRead, isFree),
    callback(bytesRead) {
      lastRead = bytesRead;
      isFree = sink().data(reads.current, 0, bytesRead);
      return true;
    },
  };
}

/**
 * Reads from an accepted socket. `net.Server` offers no `onread`, so its handle moves to a socket that has
 * it; where Node keeps the handle elsewhere, ordinary 'data' events serve.
 */
export function adoptSocket(
  accepted: Socket,
  { sink }: { readonly sink: TransportSink; readonly readBytes?: number },
): NetTransport {
  const owner = accepted as unknown as { _handle?: object | null };
  const handle = owner._handle;
  if (handle === undefined || handle === null) {
    const transport = new NetTransport(accepted, sink);
    accepted.on('data', (bytes: Buffer) => void transport.sink.data(bytes, 0, bytes.length));
    return transport;
  }
  owner._handle = null;
  let transport: NetTransport | undefined;
  const onread = createOnRead(clientReadBytes, () => transport?.sink ?? sink);
  const init = { handle, onread, writableHighWaterMark: highWaterBytes };
  transport = new NetTransport(new Socket(init as unknown as ConstructorParameters<typeof Socket>[0]), sink);
  return transport;
}

export function connectNet(
  options: Parameters<Connect>[0] & { readonly connected: (transport: NetTransport) => void },
): NetTransport {
  let transport: NetTransport | undefined;
  const onread = createOnRead(largeReadBytes, () => transport?.sink ?? options.sink);
  const init = { onread, writableHighWaterMark: highWaterBytes };
  const socket = new Socket(init as unknown as ConstructorParameters<typeof Socket>[0]);
  transport = new NetTransport(socket, options.sink);
  const opened = transport;
  socket.once('error', options.failed);
  socket.connect({ host: options.host, port: options.port }, () => {
    socket.removeListener('error', options.failed);
    opened.nameEnds(socket);
    options.connected(opened);
  });
  return opened;
}

const listen: Transports['listen'] = async ({ host, port, accepted, failed }) => {
  // Paused: the accepted socket gives its handle to the transport before anything is read.
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
    accepted((sink) => adoptSocket(socket, { sink })),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  server.on('error', failed);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    stop: () => void server.close(),
  };
};

/** Sockets of `node:net`, which exist everywhere. */
export const netTransports: Transports = { name: 'net', listen, connect: connectNet, stop: () => {} };
