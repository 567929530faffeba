import type { Clock } from '@sampan/base';
import { encodeCancelRequest } from '@sampan/pg-wire';
import { connectNet } from '../transport/net-transport.ts';
import type { ServerAddress } from './server-login.ts';

const timeoutMs = 5000;

/**
 * Asks PostgreSQL to interrupt a session. `done` is called when PostgreSQL has closed the connection: by then
 * it has signalled the session, so that a request sent later cannot be hit (PostgreSQL: "Canceling Requests
 * in Progress").
 */
export function sendCancelRequest(options: {
  readonly address: ServerAddress;
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly clock: Clock;
  readonly done: () => void;
}): void {
  const timer = options.clock.after(timeoutMs, () => transport.destroy());
  const packet = encodeCancelRequest(options.processId, options.secretKey);
  const transport = connectNet({
    ...options.address,
    sink: {
      data: () => true,
      drained: () => {},
      closed: () => {
        timer.cancel();
        options.done();
      },
    },
    connected: (opened) => void opened.write(packet, 0, packet.length),
    failed: () => {},
  });
}
