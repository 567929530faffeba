import type { Clock, Log, Timer } from '@sampan/base';
import type { ServerConnection } from './server-connection.ts';

export interface ResetTimersOptions {
  readonly resetTimeoutMs: () => number;
  readonly clock: Clock;
  readonly log: Log;
  readonly cancel: (server: ServerConnection) => void;
}

/** Sees to it that a server without a client comes to an end: clean, interrupted, or closed. */
export class ResetTimers {
  readonly #options: ResetTimersOptions;
  readonly #timers = new Map<ServerConnection, Timer>();

  constructor(options: ResetTimersOptions) {
    this.#options = options;
  }

  /** What the client left running may finish; then it is interrupted; then the connection is closed. */
  resetSoon(server: ServerConnection, next: 'cancel' | 'close'): void {
    this.#after(server, () => {
      if (server.state !== 'reset') return;
      this.#options.log.warn(
        { processId: server.processId, next },
        'a server does not finish what its client left',
      );
      this.#options.cancel(server);
      if (next === 'cancel') {
        this.resetSoon(server, 'close');
        return;
      }
      server.close();
      this.destroyLater(server);
    });
  }

  /** PostgreSQL closes its end of a closing connection; a machine that vanished does not. */
  destroyLater(server: ServerConnection): void {
    this.#after(server, () => server.transport.destroy());
  }

  /** The server is clean or gone. */
  forget(server: ServerConnection): void {
    this.#timers.get(server)?.cancel();
    this.#timers.delete(server);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #after(server: ServerConnection, run: () => void): void {
    const timer = this.#options.clock.after(this.#options.resetTimeoutMs(), () => {
      this.#timers.delete(server);
      run();
    });
    this.#timers.set(server, timer);
  }
}
