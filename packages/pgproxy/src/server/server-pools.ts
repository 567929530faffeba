import type { Clock, Log, Timer } from '@sampan/base';
import { noTotals } from '../admin/totals.ts';
import { type Component, Scheduler, type Share } from '../schedule/scheduler.ts';
import type { ProfileTable } from '../settings/profile.ts';
import { sendCancelRequest } from './cancel-request.ts';
import { type Connector, isOutage } from './connector.ts';
import type { ServerOwner } from './holder.ts';
import type { Borrower, Pool } from './pool.ts';
import { ResetTimers } from './reset-timers.ts';
import { ServerConnection } from './server-connection.ts';
import type { LoggedIn, LoginFailure } from './server-login.ts';
import { checkServer } from './session-sql.ts';
import { WelcomeBook } from './welcome-book.ts';

export interface ServerPoolsOptions {
  connector: Connector;
  connections: number;
  readonly shares: readonly Share[];
  idleTimeoutMs: number;
  resetTimeoutMs: number;
  /** A session older than this is closed when it is free. */
  lifetimeMs: number;
  /** Run on a session nobody used for `checkDelayMs`; empty for none. */
  checkQuery: string;
  checkDelayMs: number;
  readonly profiles: ProfileTable;
  readonly clock: Clock;
  readonly log: Log;
}

/** What may change while the proxy runs. */
export type ChangeableOptions = Pick<
  ServerPoolsOptions,
  | 'connector'
  | 'connections'
  | 'idleTimeoutMs'
  | 'resetTimeoutMs'
  | 'lifetimeMs'
  | 'checkQuery'
  | 'checkDelayMs'
>;

const backOffMsMin = 50;
const backOffMsMax = 2000;

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
  /** Cancel requests sent to PostgreSQL. */
  cancels = 0;
  readonly #options: ServerPoolsOptions;
  /** The component whose share each lent or resetting server uses. */
  readonly #lentTo = new Map<ServerConnection, Component<Borrower>>();
  readonly #poolOf = new Map<ServerConnection, Pool>();
  readonly #logins = new Set<{ cancel(): void }>();
  readonly #resets: ResetTimers;
  #open = 0;
  /** Borrowers in the `pending` lists of all pools. */
  #pending = 0;
  /** Grants not placed yet. Placing can grant again; this queue keeps that from nesting. */
  readonly #granted: Borrower[] = [];
  #isPlacing = false;
  #isStopped = false;
  #sweep: Timer;
  /** Clients whose database is paused; none of them is in a queue or has a share. */
  readonly #held = new Set<Borrower>();
  readonly #paused = new Set<string>();
  #isAllPaused = false;
  readonly #whenFree = new Set<() => void>();

  constructor(options: ServerPoolsOptions) {
    this.#options = options;
    this.scheduler = new Scheduler<Borrower>({
      total: options.connections,
      shares: options.shares,
      clock: options.clock,
      onTimeout: (ticket) => ticket.owner.serverIsRefused({ kind: 'timeout' }),
    });
    this.#resets = new ResetTimers({
      resetTimeoutMs: () => this.#options.resetTimeoutMs,
      clock: options.clock,
      log: options.log,
      cancel: (server) => this.cancel(server),
    });
    this.#sweep = this.#armSweep();
  }

  get connector(): Connector {
    return this.#options.connector;
  }

  /** Connections that exist, are being opened or are being closed. */
  get open(): number {
    return this.#open;
  }

  pool(credentials: { database: string; user: string; password: string | undefined }): Pool {
    const key = JSON.stringify([credentials.database, credentials.user]);
    const known = this.pools.get(key);
    if (known !== undefined) {
      known.password = credentials.password;
      return known;
    }
    const pool: Pool = {
      ...credentials,
      idle: [],
      servers: new Set(),
      pending: [],
      connecting: 0,
      totals: noTotals(),
      retryAtMs: 0,
      backOffMs: backOffMsMin,
      retry: undefined,
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
    if (this.isPaused(borrower.pool.database)) {
      this.#held.add(borrower);
      return 'later';
    }
    const decision = this.scheduler.request(borrower.component, borrower.ticket);
    if (decision === 'full') return 'full';
    if (decision === 'queued') return 'later';
    return this.#place(borrower) ?? 'later';
  }

  /** Stops waiting. */
  withdraw(borrower: Borrower): void {
    if (this.#held.delete(borrower)) return;
    if (this.scheduler.withdraw(borrower.ticket)) return;
    const at = borrower.pool.pending.indexOf(borrower);
    if (at === -1) return;
    borrower.pool.pending.splice(at, 1);
    this.#pending--;
    this.#freeShare(borrower.component);
  }

  /** Takes a server back from its client; it must be at rest. */
  giveBack(server: ServerConnection, borrower: Borrower): void {
    const usedMs = this.#options.clock.monotonicMs() - server.lentAtMs;
    borrower.pool.totals.transactionMs += usedMs;
    if (this.scheduler.waiting > 0) this.scheduler.charge(borrower.component, borrower.ticket, usedMs);
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
      this.#resets.destroyLater(server);
    } else if (server.state === 'reset') {
      this.#resets.resetSoon(server, 'cancel');
    }
  }

  /**
   * Interrupts what `server` is doing, on a connection outside the pool. It does not change hands before the
   * request has arrived. One request per server is on its way; of those that come meanwhile one follows.
   */
  cancel(server: ServerConnection): void {
    if (server.cancelsInFlight > 0) {
      server.isCancelWanted = true;
      return;
    }
    this.cancels++;
    server.cancelsInFlight++;
    sendCancelRequest({
      address: server.address,
      tls: this.#options.connector.tls,
      processId: server.processId,
      secretKey: server.secretKey,
      clock: this.#options.clock,
      done: () => {
        server.cancelsInFlight--;
        const isWanted = server.isCancelWanted && server.replies.size > 0 && server.state !== 'closing';
        server.isCancelWanted = false;
        if (isWanted) {
          this.cancel(server);
          return;
        }
        if (server.state === 'reset') server.continueReset();
        else server.holder?.serverIsReady();
      },
    });
  }

  serverIsClean(server: ServerConnection): void {
    this.#resets.forget(server);
    if (server.isSpent) {
      this.#lose(server);
      return;
    }
    server.takeBack();
    this.#becomeIdle(server);
  }

  serverIsGone(server: ServerConnection): void {
    this.#resets.forget(server);
    const pool = this.#poolOf.get(server);
    this.#poolOf.delete(server);
    if (pool === undefined) return;
    pool.servers.delete(server);
    pool.totals.transactions += server.transactions;
    pool.totals.queries += server.turns;
    pool.totals.sentBytes += server.receivedBytes;
    const at = pool.idle.indexOf(server);
    if (at !== -1) pool.idle.splice(at, 1);
    this.#open--;
    const component = this.#lentTo.get(server);
    this.#lentTo.delete(server);
    if (component !== undefined) this.#freeShare(component);
    this.#openForPending();
    this.#tellFree();
  }

  /** Closes everything; what is still running is interrupted, so that nothing goes on without an owner. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#sweep.cancel();
    this.scheduler.stop();
    this.#resets.stop();
    for (const pool of this.pools.values()) pool.retry?.cancel();
    for (const login of this.#logins) login.cancel();
    const servers = [...this.#poolOf.keys()];
    const busy = servers.filter((server) => server.replies.size > 0);
    const cancelled = busy.map(
      ({ address, processId, secretKey }) =>
        new Promise<void>((done) => {
          const { connector, clock } = this.#options;
          sendCancelRequest({ address, tls: connector.tls, processId, secretKey, clock, done });
        }),
    );
    for (const server of servers) server.transport.destroy();
    this.#tellFree();
    await Promise.all(cancelled);
  }

  isPaused(database: string | undefined): boolean {
    return this.#isAllPaused || (database !== undefined && this.#paused.has(database));
  }

  /** Lends nothing any more, of one database or (`undefined`) at all; what waits is kept. */
  pause(database: string | undefined): void {
    if (database === undefined) this.#isAllPaused = true;
    else this.#paused.add(database);
    for (const pool of this.#poolsOf(database)) {
      const granted = pool.pending.splice(0);
      this.#pending -= granted.length;
      for (const borrower of granted) {
        this.#held.add(borrower);
        this.#freeShare(borrower.component);
      }
    }
  }

  /** False when nothing was paused. */
  resume(database: string | undefined): boolean {
    const wasPaused =
      database === undefined ? this.#isAllPaused || this.#paused.size > 0 : this.isPaused(database);
    if (database === undefined) {
      this.#isAllPaused = false;
      this.#paused.clear();
    } else {
      this.#paused.delete(database);
    }
    for (const borrower of [...this.#held]) {
      if (this.isPaused(borrower.pool.database) || !this.#held.delete(borrower)) continue;
      const lent = this.borrow(borrower);
      if (lent === 'full') borrower.serverIsRefused({ kind: 'queueFull' });
      else if (lent !== 'later') borrower.serverIsLent(lent);
    }
    this.#tellFree();
    return wasPaused;
  }

  /** Resolves when no client holds a server of the database, then closes those servers; or when it is resumed. */
  async drained(database: string | undefined): Promise<void> {
    const isFree = (one: ServerConnection): boolean => !this.#lentTo.has(one);
    await this.#until(
      () =>
        !this.isPaused(database) ||
        this.#poolsOf(database).every(({ servers }) => [...servers].every(isFree)),
    );
    if (database === undefined ? this.#isAllPaused : this.isPaused(database)) this.reconnect(database);
  }

  /** Marks every session of the database to be closed when it is free. */
  reconnect(database: string | undefined): void {
    for (const pool of this.#poolsOf(database)) {
      for (const server of pool.servers) server.isSpent = true;
      for (const server of pool.idle.splice(0)) this.#retire(server);
    }
  }

  /** Resolves when every session that is marked to be closed is gone. */
  closed(database: string | undefined): Promise<void> {
    return this.#until(() =>
      this.#poolsOf(database).every(({ servers }) => [...servers].every(({ isSpent }) => !isSpent)),
    );
  }

  change(options: ChangeableOptions, shares: readonly Share[]): void {
    const isOtherServer = options.connector !== this.#options.connector;
    Object.assign(this.#options, options);
    this.#sweep.cancel();
    this.#sweep = this.#armSweep();
    if (isOtherServer) this.reconnect(undefined);
    for (const pool of this.pools.values()) {
      while (pool.idle.length > 0 && this.#isTooMany()) {
        const server = pool.idle.shift();
        if (server !== undefined) this.#retire(server);
      }
    }
    for (const ticket of this.scheduler.change(options.connections, shares)) this.#granted.push(ticket.owner);
    this.#placeGranted();
  }

  #poolsOf(database: string | undefined): Pool[] {
    return [...this.pools.values()].filter((pool) => database === undefined || pool.database === database);
  }

  #until(isReached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isReached() && !this.#isStopped) return;
        this.#whenFree.delete(look);
        resolve();
      };
      this.#whenFree.add(look);
      look();
    });
  }

  #tellFree(): void {
    for (const look of this.#whenFree) look();
  }

  #becomeIdle(server: ServerConnection): void {
    const component = this.#lentTo.get(server);
    this.#lentTo.delete(server);
    const isOld = server.lentAtMs - server.bornMs > this.#options.lifetimeMs;
    if (isOld || server.isSpent || this.#isTooMany()) {
      this.#retire(server);
    } else {
      this.#poolOf.get(server)?.idle.push(server);
      this.#serveIdle(server);
    }
    if (component !== undefined) this.#freeShare(component);
    this.#tellFree();
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
    this.#placeGranted();
  }

  #placeGranted(): void {
    if (this.#isPlacing) return;
    this.#isPlacing = true;
    for (let owner = this.#granted.shift(); owner !== undefined; owner = this.#granted.shift()) {
      if (this.isPaused(owner.pool.database)) {
        this.#held.add(owner);
        this.#freeShare(owner.component);
        continue;
      }
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
      if (missing > 0 && this.#isBackingOff(pool)) continue;
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

  /** After the limit was lowered. */
  #isTooMany(): boolean {
    return (
      this.#open > this.#options.connections && this.#open - this.#countClosing() > this.#options.connections
    );
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
    this.#resets.destroyLater(server);
  }

  #lose(server: ServerConnection): void {
    server.holder = undefined;
    this.#retire(server);
  }

  #connect(pool: Pool): void {
    this.#open++;
    pool.connecting++;
    const { connector } = this.#options;
    const login = connector.open({
      credentials: { ...pool },
      done: (session) => {
        this.#logins.delete(login);
        pool.connecting--;
        pool.backOffMs = backOffMsMin;
        this.#adopt(pool, session, connector === this.#options.connector);
      },
      failed: (failure) => {
        this.#logins.delete(login);
        pool.connecting--;
        if (isOutage(failure)) {
          pool.retryAtMs = this.#options.clock.monotonicMs() + pool.backOffMs;
          pool.backOffMs = Math.min(backOffMsMax, pool.backOffMs * 2);
        }
        this.#open--;
        this.#failPending(pool, failure);
      },
    });
    this.#logins.add(login);
  }

  /** After an outage the next login waits; who needs one waits with it. */
  #isBackingOff(pool: Pool): boolean {
    const leftMs = pool.retryAtMs - this.#options.clock.monotonicMs();
    if (leftMs <= 0) return false;
    pool.retry ??= this.#options.clock.after(leftMs, () => {
      pool.retry = undefined;
      this.#openForPending();
    });
    return true;
  }

  #adopt(pool: Pool, session: LoggedIn, isCurrent: boolean): void {
    const server = new ServerConnection({
      ...session,
      owner: this,
      profiles: this.#options.profiles,
      connectedAtMs: this.#options.clock.nowMs(),
      bornMs: this.#options.clock.monotonicMs(),
    });
    // Settings of the server side changed while it logged in: it serves once and goes.
    server.isSpent = !isCurrent;
    session.transport.sink = server;
    pool.base ??= server.profile;
    pool.servers.add(server);
    this.#poolOf.set(server, pool);
    pool.idle.push(server);
    this.#serveIdle(server);
  }

  #failPending(pool: Pool, failure: LoginFailure): void {
    this.#options.log.warn({ database: pool.database, user: pool.user, ...failure }, 'server login failed');
    // While others of the pool work, one waiter learns of the failure; without any, nobody can be served.
    const told = pool.pending.splice(0, pool.servers.size === 0 && isOutage(failure) ? Infinity : 1);
    this.#pending -= told.length;
    for (const borrower of told) {
      borrower.serverIsRefused({ kind: 'login', ...failure });
      this.#freeShare(borrower.component);
    }
    this.#openForPending();
  }

  /** Closes what is idle for too long or too old, and asks what has been quiet whether it is still there. */
  #sweepPool(pool: Pool): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { idleTimeoutMs, lifetimeMs, checkQuery, checkDelayMs } = this.#options;
    for (const server of [...pool.idle]) {
      const isStale = nowMs - server.lentAtMs > idleTimeoutMs || nowMs - server.bornMs > lifetimeMs;
      const isDue = checkQuery !== '' && nowMs - Math.max(server.lentAtMs, server.checkedMs) > checkDelayMs;
      if (!isStale && !isDue) continue;
      pool.idle.splice(pool.idle.indexOf(server), 1);
      if (isStale) {
        this.#retire(server);
      } else {
        server.checkedMs = nowMs;
        checkServer(server, checkQuery);
        this.#resets.resetSoon(server, 'close');
      }
    }
  }

  /** Calls `#sweepPool` at intervals. */
  #armSweep(): Timer {
    const { idleTimeoutMs, lifetimeMs, checkDelayMs } = this.#options;
    const everyMs = Math.max(250, Math.min(idleTimeoutMs, lifetimeMs, checkDelayMs) / 4);
    return this.#options.clock.after(everyMs, () => {
      for (const pool of this.pools.values()) this.#sweepPool(pool);
      this.#sweep = this.#armSweep();
    });
  }
}

const terminate = Buffer.from([0x58, 0, 0, 0, 4]);
