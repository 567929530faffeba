import { connect, type Socket } from 'node:net';
import { waitUntil } from './scope.ts';

/** A raw TCP client: sends exactly the bytes it is given and records exactly what comes back. */
export interface TcpClient extends AsyncDisposable {
  readonly socket: Socket;
  send(bytes: Uint8Array | string): void;
  /** Everything received so far. */
  received(): Buffer;
  /** Waits until `received()` satisfies `accept`. */
  waitFor(accept: (received: Buffer) => boolean, what: string, timeoutMs?: number): Promise<Buffer>;
  /** Waits until the other side has closed. */
  closed(timeoutMs?: number): Promise<Buffer>;
}

/** Connects to a port on a loopback address. */
export async function connectTcp(port: number, host = '127.0.0.1'): Promise<TcpClient> {
  const socket = connect({ port, host });
  const chunks: Buffer[] = [];
  let isClosed = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('close', () => {
    isClosed = true;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  // A reset by the peer shows as `closed`; it is not an error of the test.
  socket.on('error', () => {});
  const received = (): Buffer => Buffer.concat(chunks);
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    received,
    waitFor: (accept, what, timeoutMs) =>
      waitUntil(() => (accept(received()) ? received() : undefined), {
        what,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
    closed: (timeoutMs) =>
      waitUntil(() => (isClosed ? received() : undefined), {
        what: 'the peer to close the connection',
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
    },
  };
}
