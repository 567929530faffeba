import type { Clock, Log, Timer } from '@sampan/base';
import { type Component, Scheduler, type Share } from '../schedule/scheduler.ts';
import type { Ticket } from '../schedule/wait-queue.ts';
import type { Profile, ProfileTable } from '../settings/profile.ts';
import { sendCancelRequest } from './cancel-request.ts';
import type { Holder, ServerOwner } from './holder.ts';
import { ServerConnection } from './server-connection.ts';
import { type LoggedIn, type LoginFailure, logIn, type ServerAddress } from './server-login.ts';
import { WelcomeBook } from './welcome-book.ts';

/** Why a client gets no server now. */
export type Refusal =
  | { readonly kind: 'queueFull' }
  | { readonly kind: 'timeout' }
  | ({ readonly kind: 'login' } & LoginFailure);

/** Somebody who needs a server connection for one transaction. */
export interface Borrower extends Holder {
  readonly pool: Pool;
  readonly component: Component<Borrower>;
  readonly ticket: Ticket<Borrower>;
  /** The wait is over; the server was lent to this borrower already. */
  serverIsLent(server: ServerConnection): void;
  serverIsRefused(refusal: Refusal): void;
}

/** The server connections of one user to one database: only these can stand in for each other. */
export interface Pool {
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** Lent to nobody, last used last. */
  readonly idle: ServerConnection[];
  /** Everything logged in, idle or not. */
  readonly servers: Set<ServerConnection>;
  /** Borrowers who were granted a connection and wait for one to be opened or to become free. */
  readonly pending: Borrower[];
  /** Logins under way. */
  connecting: number;
  /** The settings of a session that asked for none; known once a server has logged in. */
  base: Profile | undefined;
  readonly welcomes: WelcomeBook;
}

export interface ServerPoolsOptions {
  readonly address: ServerAddress;
  readonly connections: number;
  readonly shares: readonly Share[];
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly resetTimeoutMs: number;
  readonly profiles: ProfileTable;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Turns the scheduler's grants into connections. The scheduler counts how many may be used; here they are
 * opened, kept, handed over and closed.
 *
 * Invariant: connections that exist, are being opened or are being closed are at most `connections`.
 */
export class ServerPools implements ServerOwner {
  readonly scheduler: Scheduler<Borrower>;
  readonly pools = new Map<string, Pool>();
  /** Clients that kept their server because of session state, and statements refused for it, since the start. */
  pins = 0;
  refusedStates = 0;
  readonly #options: ServerPoolsOptions;
  /** The component whose share each lent or resetting server uses. */
  readonly #lentTo = new Map<ServerConnection, Component<Borrower>>();
  readonly #poolOf = new Map<ServerConnection, Pool>();
  readonly #logins = new Set<{ cancel(): void }>();
  readonly #resetTimers = new Map<ServerConnection, Timer>();
  #open = 0;
  /** Borrowers in the `pending` lists of all pools. */
  #pending = 0;
  /** Grants not placed yet. Placing can grant again; this queue keeps that from nesting. */
  readonly #granted: Borrower[] = [];
  #isPlacing = false;
  #isStopped = false;
  #sweep: Timer;

  constructor(options: ServerPoolsOptions) {
    this.#options = options;
    this.scheduler = new Scheduler<Borrower>({
      total: options.connections,
      shares: options.shares,
      clock: options.clock,
      onTimeout: (ticket) => ticket.owner.serverIsRefused({ kind: 'timeout' }),
    });
    this.#sweep = this.#armSweep();
  }

  /** Connections that exist, are being opened or are being closed. */
  get open(): number {
    return this.#open;
  }

  pool(credentials: { database: string; user: string; password: string | undefined }): Pool {
    const key = JSON.stringify([credentials.database, credentials.user]);
    const known = this.pools.get(key);
    if (known !== undefined) return known;
    const pool: Pool = {
      ...credentials,
      idle: [],
      servers: new Set(),
      pending: [],
      connecting: 0,
      base: undefined,
      welcomes: new WelcomeBook(),
    };
    this.pools.set(key, pool);
    return pool;
  }

  componentOf(server: ServerConnection): Component<Borrower> | undefined {
    return this.#lentTo.get(server);
  }

  /**
   * Asks for a server. Returns it when one is free now. After 'later' either `serverIsLent` or
   * `serverIsRefused` follows; 'full' means that too many wait already.
   */
  borrow(borrower: Borrower): ServerConnection | 'later' | 'full' {
    const decision = this.scheduler.request(borrower.component, borrower.ticket);
    if (decision === 'full') return 'full';
    if (decision === 'queued') return 'later';
    return this.#place(borrower) ?? 'later';
  }

  /** Stops waiting. */
  withdraw(borrower: Borrower): void {
    if (this.scheduler.withdraw(borrower.ticket)) return;
    const at = borrower.pool.pending.indexOf(borrower);
    if (at === -1) return;
    borrower.pool.pending.splice(at, 1);
    this.#pending--;
    this.#freeShare(borrower.component);
  }

  /** Takes a server back from its client; it must be at rest. */
  giveBack(server: ServerConnection): void {
    if (server.isSpent) {
      this.#lose(server);
      return;
    }
    server.takeBack();
    this.#becomeIdle(server);
  }

  /** Takes a server back from a client that left it in any state. */
  abandon(server: ServerConnection, isMidMessage: boolean): void {
    const wasBusy = server.replies.size > 0;
    if (!server.abandon(isMidMessage)) {
      if (wasBusy) this.cancel(server);
      this.#destroyLater(server);
    } else if (server.state === 'reset') {
      this.#resetSoon(server, 'cancel');
    }
  }

  /** What the client left running may finish; then it is interrupted; then the connection is closed. */
  #resetSoon(server: ServerConnection, next: 'cancel' | 'close'): void {
    const timer = this.#options.clock.after(this.#options.resetTimeoutMs, () => {
      this.#resetTimers.delete(server);
      if (server.state !== 'reset') return;
      this.#options.log.warn(
        { processId: server.processId, next },
        'a server does not finish what its client left',
      );
      this.cancel(server);
      if (next === 'cancel') {
        this.#resetSoon(server, 'close');
        return;
      }
      server.close();
      this.#destroyLater(server);
    });
    this.#resetTimers.set(server, timer);
  }

  /** PostgreSQL closes its end of a closing connection; a machine that vanished does not. */
  #destroyLater(server: ServerConnection): void {
    const timer = this.#options.clock.after(this.#options.resetTimeoutMs, () => {
      this.#resetTimers.delete(server);
      server.transport.destroy();
    });
    this.#resetTimers.set(server, timer);
  }

  /** Interrupts what `server` is doing. It does not change hands before the request has arrived. */
  cancel(server: ServerConnection): void {
    server.cancelsInFlight++;
    sendCancelRequest({
      address: this.#options.address,
      processId: server.processId,
      secretKey: server.secretKey,
      clock: this.#options.clock,
      done: () => {
        server.cancelsInFlight--;
        if (server.state === 'reset') server.continueReset();
        else server.holder?.serverIsReady();
      },
    });
  }

  serverIsClean(server: ServerConnection): void {
    this.#resetTimers.get(server)?.cancel();
    this.#resetTimers.delete(server);
    if (server.isSpent) {
      this.#lose(server);
      return;
    }
    server.takeBack();
    this.#becomeIdle(server);
  }

  serverIsGone(server: ServerConnection): void {
    this.#resetTimers.get(server)?.cancel();
    this.#resetTimers.delete(server);
    const pool = this.#poolOf.get(server);
    this.#poolOf.delete(server);
    if (pool === undefined) return;
    pool.servers.delete(server);
    const at = pool.idle.indexOf(server);
    if (at !== -1) pool.idle.splice(at, 1);
    this.#open--;
    const component = this.#lentTo.get(server);
    this.#lentTo.delete(server);
    if (component !== undefined) this.#freeShare(component);
    this.#openForPending();
  }

  /** Closes everything; what is still running is interrupted, so that nothing goes on without an owner. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#sweep.cancel();
    this.scheduler.stop();
    for (const timer of this.#resetTimers.values()) timer.cancel();
    for (const login of this.#logins) login.cancel();
    const servers = [...this.#poolOf.keys()];
    const busy = servers.filter((server) => server.replies.size > 0);
    const cancelled = busy.map(
      ({ processId, secretKey }) =>
        new Promise<void>((done) => {
          const { address, clock } = this.#options;
          sendCancelRequest({ address, processId, secretKey, clock, done });
        }),
    );
    for (const server of servers) server.transport.destroy();
    await Promise.all(cancelled);
  }

  #becomeIdle(server: ServerConnection): void {
    const component = this.#lentTo.get(server);
    this.#lentTo.delete(server);
    this.#poolOf.get(server)?.idle.push(server);
    this.#serveIdle(server);
    if (component !== undefined) this.#freeShare(component);
  }

  /** An idle server goes to a granted borrower of its pool, or makes room for one of another pool. */
  #serveIdle(server: ServerConnection): void {
    const pool = this.#poolOf.get(server);
    const borrower = this.#pending === 0 ? undefined : pool?.pending.shift();
    if (pool !== undefined && borrower !== undefined) {
      this.#pending--;
      const taken = pool.idle.pop();
      if (taken !== undefined) this.#lend(taken, borrower).serverIsLent(taken);
      return;
    }
    this.#openForPending();
  }

  #freeShare(component: Component<Borrower>): void {
    const next = this.scheduler.release(component);
    if (next === undefined) return;
    this.#granted.push(next.owner);
    if (this.#isPlacing) return;
    this.#isPlacing = true;
    for (let owner = this.#granted.shift(); owner !== undefined; owner = this.#granted.shift()) {
      const server = this.#place(owner);
      if (server !== undefined) owner.serverIsLent(server);
    }
    this.#isPlacing = false;
  }

  /** Finds a server for a grant, or starts to make one. */
  #place(borrower: Borrower): ServerConnection | undefined {
    const pool = borrower.pool;
    const server = pool.idle.pop();
    if (server !== undefined) {
      this.#lend(server, borrower);
      return server;
    }
    pool.pending.push(borrower);
    this.#pending++;
    this.#openForPending();
    return undefined;
  }

  #lend(server: ServerConnection, borrower: Borrower): Borrower {
    this.#lentTo.set(server, borrower.component);
    server.lentAtMs = this.#options.clock.monotonicMs();
    server.lend(borrower);
    return borrower;
  }

  /** Opens connections for granted borrowers; closes idle ones of other pools when the limit is reached. */
  #openForPending(): void {
    if (this.#isStopped || this.#pending === 0) return;
    let leaving = this.#open < this.#options.connections ? 0 : this.#countClosing();
    for (const pool of this.pools.values()) {
      let missing = pool.pending.length - pool.connecting;
      while (missing > 0 && this.#open < this.#options.connections) {
        this.#connect(pool);
        missing--;
      }
      // Each connection on its way out makes room for one.
      for (; missing > 0; missing--) {
        if (leaving > 0) leaving--;
        else this.#evictFor(pool);
      }
    }
  }

  #countClosing(): number {
    let closing = 0;
    for (const server of this.#poolOf.keys()) if (server.state === 'closing') closing++;
    return closing;
  }

  /** Closes the longest idle server of another pool. Its place is free once PostgreSQL has closed its end. */
  #evictFor(pool: Pool): void {
    for (const other of this.pools.values()) {
      if (other === pool || other.pending.length > 0) continue;
      const victim = other.idle.shift();
      if (victim === undefined) continue;
      this.#retire(victim);
      return;
    }
  }

  /** Ends a session politely, so that PostgreSQL is done with it when its end of the connection closes. */
  #retire(server: ServerConnection): void {
    server.state = 'closing';
    server.toServer.bytes(terminate);
    server.toServer.flush();
    this.#destroyLater(server);
  }

  #lose(server: ServerConnection): void {
    server.holder = undefined;
    this.#retire(server);
  }

  #connect(pool: Pool): void {
    this.#open++;
    pool.connecting++;
    const login = logIn({
      address: this.#options.address,
      credentials: pool,
      timeoutMs: this.#options.connectTimeoutMs,
      clock: this.#options.clock,
      done: (session) => {
        this.#logins.delete(login);
        pool.connecting--;
        this.#adopt(pool, session);
      },
      failed: (failure) => {
        this.#logins.delete(login);
        pool.connecting--;
        this.#open--;
        this.#failPending(pool, failure);
      },
    });
    this.#logins.add(login);
  }

  #adopt(pool: Pool, session: LoggedIn): void {
    const server = new ServerConnection({
      ...session,
      owner: this,
      profiles: this.#options.profiles,
      connectedAtMs: this.#options.clock.nowMs(),
    });
    session.transport.sink = server;
    pool.base ??= server.profile;
    pool.servers.add(server);
    this.#poolOf.set(server, pool);
    pool.idle.push(server);
    this.#serveIdle(server);
  }

  #failPending(pool: Pool, failure: LoginFailure): void {
    this.#options.log.warn({ database: pool.database, user: pool.user, ...failure }, 'server login failed');
    const borrower = pool.pending.shift();
    if (borrower !== undefined) {
      this.#pending--;
      borrower.serverIsRefused({ kind: 'login', ...failure });
      this.#freeShare(borrower.component);
    }
    this.#openForPending();
  }

  /** Closes servers nobody has needed for `idleTimeoutMs`. */
  #armSweep(): Timer {
    const everyMs = Math.max(1000, this.#options.idleTimeoutMs / 4);
    return this.#options.clock.after(everyMs, () => {
      const oldest = this.#options.clock.monotonicMs() - this.#options.idleTimeoutMs;
      for (const pool of this.pools.values()) {
        const stale = pool.idle.filter((server) => server.lentAtMs < oldest);
        for (const server of stale) {
          pool.idle.splice(pool.idle.indexOf(server), 1);
          this.#retire(server);
        }
      }
      this.#sweep = this.#armSweep();
    });
  }
}

const terminate = Buffer.from([0x58, 0, 0, 0, 4]);
