import { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { encodeSslRequest } from '@sampan/pg-wire';
import type { Connect, Transport, TransportSink } from '../transport/transport.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** How connections without TLS are opened; TLS is always over `node:net`. */
  readonly connect: Connect;
}

/** TLS towards PostgreSQL, with libpq's modes. */
export interface ServerTls {
  readonly mode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  /** PEM text. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A transport whose events can be given to somebody else after the login. */
export interface ServerTransport extends Transport {
  sink: TransportSink;
}

export interface ConnectOptions {
  readonly address: ServerAddress;
  readonly tls: ServerTls;
  /** Hears `closed` without any `data` when connecting fails. */
  readonly sink: TransportSink;
  readonly connected: (transport: ServerTransport) => void;
  readonly failed: (error: Error) => void;
}

const letterS = 0x53;
const letterN = 0x4e;

/** Connects to PostgreSQL, encrypted as `tls` demands. Returns the way to give up. */
export function connectServer(options: ConnectOptions): { destroy(): void } {
  const { host, port, connect } = options.address;
  if (options.tls.mode === 'disable') return connect({ host, port, ...options });
  const socket = new Socket();
  let current: Socket = socket;
  const fail = (error: Error): void => {
    current.destroy();
    socket.destroy();
    options.failed(error);
  };
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  socket.once('error', fail);
  const closed = (): void => options.sink.closed();
  socket.once('close', closed);
  socket.connect({ host, port }, () => socket.write(encodeSslRequest()));
  socket.once('data', (answer: Buffer) => {
    // More than the one byte could only come from somebody in the middle.
    if (answer.length !== 1 || (answer[0] !== letterS && answer[0] !== letterN)) {
      fail(new Error('the answer to the request for TLS is neither S nor N'));
    } else if (answer[0] === letterS) {
      socket.removeListener('error', fail);
      socket.removeListener('close', closed);
      current = encrypt(socket, options, fail);
    } else if (options.tls.mode === 'prefer') {
      socket.removeListener('error', fail);
      socket.removeListener('close', closed);
      options.connected(new SocketServerTransport(socket, socket, options.sink));
    } else {
      fail(new Error(`it offers no TLS, which server.tls.mode "${options.tls.mode}" demands`));
    }
  });
  return { destroy: () => current.destroy() };
}

function encrypt(socket: Socket, options: ConnectOptions, fail: (error: Error) => void): TLSSocket {
  const { tls, address } = options;
  const isVerified = tls.mode === 'verify-ca' || tls.mode === 'verify-full';
  const encrypted = connectTls({
    socket,
    ...(/^[\d.]+$|:/.test(address.host) ? {} : { servername: address.host }),
    host: address.host,
    rejectUnauthorized: isVerified,
    ...(tls.mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
    minVersion: 'TLSv1.2',
  });
  const closed = (): void => options.sink.closed();
  encrypted.once('error', fail);
  encrypted.once('close', closed);
  encrypted.once('secureConnect', () => {
    encrypted.removeListener('error', fail);
    encrypted.removeListener('close', closed);
    options.connected(new SocketServerTransport(encrypted, socket, options.sink));
  });
  return encrypted;
}

/** A connection to PostgreSQL for which TLS was asked. Bytes come in buffers of their own. */
class SocketServerTransport implements ServerTransport {
  readonly isEncrypted: boolean;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  sink: TransportSink;
  readonly #socket: Socket;

  constructor(socket: Socket, below: Socket, sink: TransportSink) {
    this.#socket = socket;
    this.isEncrypted = socket !== below;
    this.sink = sink;
    this.remoteAddress = below.remoteAddress ?? '';
    this.remotePort = below.remotePort ?? 0;
    this.localAddress = below.localAddress ?? '';
    this.localPort = below.localPort ?? 0;
    socket.on('data', (bytes: Buffer) => void this.sink.data(bytes, 0, bytes.length));
    socket.on('drain', () => this.sink.drained());
    socket.once('close', () => this.sink.closed());
    socket.on('error', () => socket.destroy());
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    socket.write(buffer.subarray(start, end));
    return socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
