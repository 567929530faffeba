import type { Clock, Timer } from '@sampan/base';
import type { ComponentShare } from '../options.ts';
import type { ClientSession } from './client-session.ts';

/** What a client with a server was seen doing, and since when. */
interface Observation {
  readonly turns: number;
  readonly isBusy: boolean;
  readonly sinceMs: number;
}

const intervalMsMin = 10;
const intervalMsMax = 1000;

export interface HolderWatchOptions {
  readonly clients: ReadonlySet<ClientSession>;
  readonly shareOf: (client: ClientSession) => ComponentShare;
  readonly shares: () => Iterable<ComponentShare>;
  readonly clock: Clock;
  /** The statement has run for `queryTimeoutMs`. Called again every time the limit passes once more. */
  readonly queryIsLate: (client: ClientSession, share: ComponentShare) => void;
  /** The transaction has been idle for `idleTransactionTimeoutMs`. */
  readonly transactionIsIdle: (client: ClientSession, share: ComponentShare) => void;
}

/**
 * Finds statements that run and transactions that idle for too long, by looking at regular intervals: that costs
 * the path of the messages nothing. A limit is noticed at most a tenth of it late (10 ms to 1 s).
 */
export class HolderWatch {
  readonly #options: HolderWatchOptions;
  readonly #seen = new WeakMap<ClientSession, Observation>();
  #timer: Timer | undefined;

  constructor(options: HolderWatchOptions) {
    this.#options = options;
  }

  /** Begins, or goes on with changed shares. */
  start(): void {
    this.stop();
    let shortest = Number.POSITIVE_INFINITY;
    for (const { queryTimeoutMs, idleTransactionTimeoutMs } of this.#options.shares()) {
      shortest = Math.min(shortest, queryTimeoutMs ?? shortest, idleTransactionTimeoutMs ?? shortest);
    }
    if (shortest === Number.POSITIVE_INFINITY) return;
    const everyMs = Math.min(intervalMsMax, Math.max(intervalMsMin, shortest / 10));
    const again = (): void => {
      this.#timer = this.#options.clock.after(everyMs, () => {
        this.#look();
        again();
      });
    };
    again();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const client of [...this.#options.clients]) {
      const { server } = client;
      if (server === undefined) {
        this.#seen.delete(client);
        continue;
      }
      const isBusy = server.replies.size > 0;
      const before = this.#seen.get(client);
      if (before === undefined || before.turns !== server.turns || before.isBusy !== isBusy) {
        this.#seen.set(client, { turns: server.turns, isBusy, sinceMs: nowMs });
        continue;
      }
      this.#judge(client, before, nowMs);
    }
  }

  #judge(client: ClientSession, { isBusy, sinceMs }: Observation, nowMs: number): void {
    const share = this.#options.shareOf(client);
    const { queryTimeoutMs, idleTransactionTimeoutMs } = share;
    const forMs = nowMs - sinceMs;
    if (isBusy && queryTimeoutMs !== undefined && forMs >= queryTimeoutMs) {
      this.#seen.delete(client);
      this.#options.queryIsLate(client, share);
    }
    const isOpen = client.server?.status !== 'I';
    if (!isBusy && isOpen && idleTransactionTimeoutMs !== undefined && forMs >= idleTransactionTimeoutMs) {
      this.#seen.delete(client);
      this.#options.transactionIsIdle(client, share);
    }
  }
}
