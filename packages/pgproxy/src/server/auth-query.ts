import type { Clock } from '@sampan/base';
import {
  createFramer,
  encodeBind,
  encodeExecute,
  encodeParse,
  encodeSync,
  encodeTerminate,
  type Frame,
  parseDataRow,
  parseErrorFields,
  serverTags,
  sqlstates,
  WireError,
} from '@sampan/pg-wire';
import type { Connector } from './connector.ts';
import type { LoggedIn, ServerCredentials } from './server-login.ts';

export interface AuthQueryOptions {
  readonly connector: () => Connector;
  readonly credentials: ServerCredentials;
  /** Takes the user as `$1`; the first two columns are name and password. */
  readonly query: string;
  readonly cacheMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** What PostgreSQL stores for a user; `undefined` when there is none. */
type Found = { readonly name: string; readonly password: string } | undefined;

const cachedMax = 10_000;
const waitingMax = 200;

/** Asks PostgreSQL for the passwords of users that no option lists, on one connection at a time beside the pool. */
export class AuthQuery {
  readonly #options: AuthQueryOptions;
  readonly #cache = new Map<string, { readonly found: Promise<Found>; readonly untilMs: number }>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: AuthQueryOptions) {
    this.#options = options;
  }

  /** Rejects with a `WireError` when PostgreSQL cannot be asked. */
  find(user: string): Promise<Found> {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#cache.get(user);
    if (known !== undefined && known.untilMs > nowMs) return known.found;
    if (this.#waiting >= waitingMax) {
      return Promise.reject(
        new WireError(sqlstates.tooManyConnections, `${waitingMax} logins wait for authQuery already`),
      );
    }
    this.#waiting++;
    const found = this.#last.then(() => this.#ask(user));
    this.#last = found.then(
      () => this.#waiting--,
      () => {
        this.#waiting--;
        this.#cache.delete(user);
      },
    );
    if (this.#cache.size >= cachedMax) this.#cache.clear();
    this.#cache.set(user, { found, untilMs: nowMs + this.#options.cacheMs });
    return found;
  }

  #ask(user: string): Promise<Found> {
    const { connector, credentials } = this.#options;
    return new Promise((resolve, reject) => {
      connector().open({
        credentials,
        done: (session) => this.#run(session, user).then(resolve, reject),
        failed: ({ sqlstate, message }) => reject(new WireError(sqlstate, `authQuery: ${message}`)),
      });
    });
  }

  #run({ transport }: LoggedIn, user: string): Promise<Found> {
    const { query, clock, timeoutMs } = this.#options;
    return new Promise<Found>((resolve, reject) => {
      const framer = createFramer({ maxFrameBytes: 1024 * 1024, expectStartup: false });
      let found: Found;
      const fail = (code: string, reason: string): void => {
        transport.destroy();
        reject(new WireError(code, `authQuery: ${reason}`));
      };
      const timer = clock.after(timeoutMs, () => fail(sqlstates.connectionFailure, 'no answer in time'));
      const take = (frame: Frame): void => {
        if (frame.type === serverTags.dataRow) found = rowOf(frame.payload);
        if (frame.type === serverTags.errorResponse) {
          const fields = parseErrorFields(frame.payload);
          fail(fields.get('C') ?? sqlstates.internalError, fields.get('M') ?? '');
        }
        if (frame.type === serverTags.readyForQuery) {
          const goodbye = encodeTerminate();
          transport.write(goodbye, 0, goodbye.length);
          transport.end();
          resolve(found);
        }
      };
      transport.sink = {
        data: (buffer, start, end) => {
          try {
            framer.push(Buffer.from(buffer.subarray(start, end)));
            for (const frame of framer) take(frame);
          } catch (error) {
            fail(sqlstates.protocolViolation, error instanceof Error ? error.message : String(error));
          }
          return true;
        },
        drained: () => {},
        closed: () => {
          timer.cancel();
          fail(sqlstates.connectionFailure, 'PostgreSQL closed the connection');
        },
      };
      const request = Buffer.concat([
        encodeParse({ name: '', query, parameterTypes: [] }),
        encodeBind({
          portal: '',
          statement: '',
          parameterFormats: [],
          parameters: [Buffer.from(user)],
          resultFormats: [],
        }),
        encodeExecute({ portal: '', rowsMax: 1 }),
        encodeSync(),
      ]);
      transport.write(request, 0, request.length);
    });
  }
}

function rowOf(payload: Buffer): Found {
  const [name, password] = parseDataRow(payload);
  if (name === undefined || name === null || password === undefined || password === null) return undefined;
  return { name: name.toString('utf8'), password: password.toString('utf8') };
}
