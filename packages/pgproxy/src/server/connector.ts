import type { Clock } from '@sampan/base';
import {
  type LoggedIn,
  type LoginFailure,
  logIn,
  type ServerCredentials,
  type TargetSession,
} from './server-login.ts';
import type { ServerAddress, ServerTls } from './server-transport.ts';

export interface ConnectorOptions {
  /** Tried in this order, beginning with the one that worked last. */
  readonly addresses: readonly ServerAddress[];
  readonly tls: ServerTls;
  readonly target: TargetSession;
  readonly protocolMinor: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

/** Failures of one host that say nothing about the next: no connection, starting up, in recovery, full, wrong role. */
const isOfHost = ({ sqlstate }: LoginFailure): boolean =>
  sqlstate.startsWith('08') || sqlstate === '57P03' || sqlstate === '53300' || sqlstate === '53200';

/** Whether nobody answered as PostgreSQL, so that trying again at once is pointless. */
export const isOutage = ({ sqlstate }: LoginFailure): boolean =>
  sqlstate.startsWith('08') || sqlstate === '57P03';

/** Opens sessions on the first host of a list that offers a suitable one. */
export class Connector {
  readonly #options: ConnectorOptions;
  #preferred = 0;
  #protocolMinor: number;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#protocolMinor = options.protocolMinor;
  }

  get tls(): ServerTls {
    return this.#options.tls;
  }

  /** Exactly one of `done` and `failed` is called. */
  open(request: {
    readonly credentials: ServerCredentials;
    readonly done: (session: LoggedIn) => void;
    readonly failed: (failure: LoginFailure) => void;
  }): { cancel(): void } {
    const { addresses } = this.#options;
    const failures: LoginFailure[] = [];
    let isCancelled = false;
    let current: { cancel(): void } | undefined;
    const attempt = (turn: number): void => {
      const index = (this.#preferred + turn) % addresses.length;
      const address = addresses[index];
      if (address === undefined) return;
      const protocolMinor = this.#protocolMinor;
      current = logIn({
        ...this.#options,
        address,
        timeoutMs: this.#options.connectTimeoutMs,
        protocolMinor,
        credentials: request.credentials,
        done: (session) => {
          this.#preferred = index;
          request.done(session);
        },
        failed: (failure) => {
          if (failure.isProtocol === true && protocolMinor > 0 && !isCancelled) {
            // An older pooler in between may refuse 3.2 instead of negotiating.
            this.#protocolMinor = 0;
            attempt(turn);
            return;
          }
          failures.push(failure);
          if (!isCancelled && isOfHost(failure) && turn + 1 < addresses.length) attempt(turn + 1);
          else request.failed(summary(failures));
        },
      });
    };
    attempt(0);
    return {
      cancel: () => {
        isCancelled = true;
        current?.cancel();
      },
    };
  }
}

/** The last failure, with all of them in its message. */
function summary(failures: readonly LoginFailure[]): LoginFailure {
  const last = failures.at(-1) ?? { sqlstate: '08006', message: 'no host was tried' };
  return failures.length === 1
    ? last
    : { ...last, message: failures.map(({ message }) => message).join('; ') };
}
