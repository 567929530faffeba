import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type Clock, type Log, type Stoppable, silentLog, systemClock } from '@sampan/base';
import { encodeErrorResponse, WireError } from '@sampan/pg-wire';
import { authenticate, type PgAuthentication } from './authentication.ts';
import type { PgBackend } from './backend.ts';
import { Channel, ConnectionLost } from './channel.ts';
import { errorFields } from './error-fields.ts';
import { type CancelRequest, greet, type Startup } from './handshake.ts';
import { PgError } from './pg-error.ts';
import { Session } from './session.ts';
import { createSettings } from './settings.ts';
import { startupSettings } from './startup-settings.ts';

export interface PgFrontEndOptions extends PgBackend {
  /** The secret of an AccessKey id; `undefined` for an unknown one. */
  readonly secretOf: (accessKeyId: string) => string | undefined;
  /** Default `md5`, which is what the service documents. */
  readonly authentication?: PgAuthentication;
  /** PEM; absent = TLS is refused with `N`. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Zone of SQL's date and time functions, told to clients; default UTC. */
  readonly timeZone?: string;
  readonly log?: Log;
  readonly clock?: Clock;
  /** Clients at a time; more are told 53300. Default 500. */
  readonly connectionsMax?: number;
  /** How long a client may take from connecting to being logged in; default 30 seconds. */
  readonly loginTimeoutMs?: number;
  /** Longest message, hence longest statement; default 64 MiB. */
  readonly frameBytesMax?: number;
}

/** Logstores over the PostgreSQL protocol: user = AccessKey id, password = secret, database = project. */
export interface PgFrontEnd extends Stoppable, AsyncDisposable {
  /** Accepts clients on one more address. Port 0 picks one. Rejects with Node's error (`EADDRINUSE`, `EACCES`). */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }>;
  /** Clients connected at present, on all addresses. */
  readonly connections: number;
}

/** Creates the front end; it accepts nobody before `listen`. */
export function createPgFrontEnd(options: PgFrontEndOptions): PgFrontEnd {
  return new FrontEnd(options);
}

/** A connection that is told "too many" needs a moment; beyond this many of them sockets are closed unheard. */
const refusalsMax = 64;
/** How long clients may take to read their last answer when the front end stops. */
const stopTimeoutMs = 5_000;

class FrontEnd implements PgFrontEnd {
  readonly #options: PgFrontEndOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #secureContext: SecureContext | undefined;
  readonly #servers = new Set<Server>();
  /** Every open connection and the promise that settles when it has been served. */
  readonly #open = new Map<Channel, Promise<void>>();
  /** Logged-in sessions by process id, for cancel requests. */
  readonly #sessions = new Map<number, Omit<LoggedIn, 'processId'>>();
  #processId = 1_000;
  #isStopping = false;

  constructor(options: PgFrontEndOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#secureContext = options.tls === undefined ? undefined : createSecureContext(options.tls);
  }

  get connections(): number {
    return this.#open.size;
  }

  async listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address.host, port: address.port, backlog: 511 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.#log.error({ reason: error.message }, 'the listener failed'));
    this.#servers.add(server);
    const { port } = server.address() as AddressInfo;
    return { host: address.host, port };
  }

  /** Stops listening, lets running writes finish, tells every client and closes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const closed = [...this.#servers].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const { session } of this.#sessions.values()) session.interrupt(shutdownError());
    const timeout = this.#clock.after(stopTimeoutMs, () => {
      for (const channel of this.#open.keys()) channel.destroy();
    });
    for (const channel of this.#open.keys()) channel.stopReading();
    await Promise.all([...this.#open.values(), ...closed]);
    timeout.cancel();
    this.#servers.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #accept(socket: Socket): void {
    const max = this.#options.connectionsMax ?? 500;
    if (this.#isStopping || this.#open.size >= max + refusalsMax) {
      socket.destroy();
      return;
    }
    const frameBytesMax = this.#options.frameBytesMax ?? 64 * 1024 * 1024;
    const channel = new Channel({ socket, frameBytesMax, clock: this.#clock });
    const isTooMany = this.#open.size >= max;
    const done = this.#serve(channel, isTooMany).finally(() => this.#open.delete(channel));
    this.#open.set(channel, done);
  }

  /** Serves one connection to its end; never rejects. */
  async #serve(channel: Channel, isTooMany: boolean): Promise<void> {
    const timeout = this.#clock.after(this.#options.loginTimeoutMs ?? 30_000, () => channel.destroy());
    try {
      const packet = await greet(channel, this.#secureContext);
      if (packet === undefined) return;
      if (packet.kind === 'cancel') return this.#cancel(packet);
      if (isTooMany) throw new PgError('53300', 'sorry, too many clients already');
      const session = await this.#login(channel, packet);
      timeout.cancel();
      await this.#run(channel, session);
    } catch (error) {
      await this.#sayGoodbye(channel, error);
    } finally {
      timeout.cancel();
      await channel.end();
    }
  }

  async #login(channel: Channel, packet: Startup): Promise<LoggedIn> {
    const options = this.#options;
    const user = packet.parameters.get('user') ?? '';
    const project = packet.parameters.get('database') || user;
    const settings = createSettings(startupSettings(packet.parameters, options.timeZone ?? 'UTC'));
    const method = options.authentication ?? 'md5';
    await authenticate(channel, { user, method, secretOf: options.secretOf });
    if (!options.catalog.hasProject(project)) {
      throw new PgError('3D000', `database "${project}" does not exist`, {
        hint: 'The database is the SLS project.',
      });
    }
    channel.acceptStatements();
    const identity = { processId: this.#nextProcessId(), secretKey: randomBytes(4) };
    const { engine, catalog, append } = options;
    const session = new Session({
      ...identity,
      channel,
      backend: { engine, catalog, append },
      clock: this.#clock,
      log: this.#log,
      user,
      project,
      settings,
    });
    return { ...identity, session };
  }

  async #run(channel: Channel, { session, processId, secretKey }: LoggedIn): Promise<void> {
    this.#sessions.set(processId, { session, secretKey });
    this.#log.debug(
      { processId, client: channel.remoteAddress, tls: channel.isEncrypted },
      'client logged in',
    );
    try {
      await session.run();
      if (this.#isStopping) throw shutdownError();
    } finally {
      this.#sessions.delete(processId);
      this.#log.debug({ processId }, 'client left');
    }
  }

  /** Tells the client why its connection ends. Only what came in unencrypted garbage has no reader, and that is fine. */
  async #sayGoodbye(channel: Channel, error: unknown): Promise<void> {
    if (error instanceof ConnectionLost) return;
    const fields = errorFields(error, 'FATAL');
    const isForeseen = error instanceof PgError || error instanceof WireError;
    const client = channel.remoteAddress;
    if (isForeseen)
      this.#log.info({ client, sqlstate: fields.code }, 'connection refused or ended by an error');
    else
      this.#log.error(
        { client, name: error instanceof Error ? error.name : '' },
        'connection failed unexpectedly',
      );
    await channel.send(encodeErrorResponse(fields)).catch(() => {});
  }

  #cancel(request: CancelRequest): void {
    const target = this.#sessions.get(request.processId);
    const isAllowed =
      target !== undefined &&
      target.secretKey.length === request.secretKey.length &&
      timingSafeEqual(target.secretKey, request.secretKey);
    if (isAllowed) target.session.interrupt(new PgError('57014', 'canceling statement due to user request'));
  }

  #nextProcessId(): number {
    do this.#processId = this.#processId >= 0x7fff_ffff ? 1_001 : this.#processId + 1;
    while (this.#sessions.has(this.#processId));
    return this.#processId;
  }
}

interface LoggedIn {
  readonly session: Session;
  readonly processId: number;
  readonly secretKey: Buffer;
}

function shutdownError(): PgError {
  return new PgError('57P01', 'terminating connection due to administrator command');
}
