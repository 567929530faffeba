import type { Clock } from '@sampan/base';
import { encodeCancelRequest } from '@sampan/pg-wire';
import { connectServer, type ServerAddress, type ServerTls } from './server-transport.ts';

const timeoutMs = 5000;

/**
 * Asks PostgreSQL to interrupt a session, on a connection outside the pool. `done` is called once, when PostgreSQL
 * has closed the connection: by then it has signalled the session, so that a request sent later cannot be hit
 * (PostgreSQL: "Canceling Requests in Progress").
 */
export function sendCancelRequest(options: {
  readonly address: ServerAddress;
  readonly tls: ServerTls;
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly clock: Clock;
  readonly done: () => void;
}): void {
  let isDone = false;
  const done = (): void => {
    if (isDone) return;
    isDone = true;
    timer.cancel();
    options.done();
  };
  const packet = encodeCancelRequest(options.processId, options.secretKey);
  const connection = connectServer({
    address: options.address,
    tls: options.tls,
    sink: { data: () => true, drained: () => {}, closed: done },
    connected: (opened) => void opened.write(packet, 0, packet.length),
    failed: done,
  });
  const timer = options.clock.after(timeoutMs, () => connection.destroy());
}
