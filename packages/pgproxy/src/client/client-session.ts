import { randomBytes } from 'node:crypto';
import type { Clock, Log } from '@sampan/base';
import {
  encodeBackendKeyData,
  encodeErrorResponse,
  encodeParameterStatus,
  encodeReadyForQuery,
  sqlstates,
  WireError,
} from '@sampan/pg-wire';
import type { Pinning, PoolMode } from '../options.ts';
import { ClientStatements, type StatementRegistry } from '../prepared/statements.ts';
import { OutBatch } from '../protocol/out-batch.ts';
import type { Component } from '../schedule/scheduler.ts';
import { createTicket, type Ticket } from '../schedule/wait-queue.ts';
import type { Borrower, Pool, Refusal } from '../server/pool.ts';
import type { ServerConnection } from '../server/server-connection.ts';
import type { LoginFailure } from '../server/server-login.ts';
import type { ServerPools } from '../server/server-pools.ts';
import { startSession } from '../server/session-sql.ts';
import type { Learner, Welcome } from '../server/welcome-book.ts';
import { type Profile, type ProfileTable, reportedName, settingsSql } from '../settings/profile.ts';
import { cleanApplicationName, parseStartupSettings } from '../settings/startup-settings.ts';
import type { Transport, TransportSink } from '../transport/transport.ts';
import type { Identified } from './client-login.ts';
import type { PinReason, SessionEffect } from './session-state.ts';
import { StatementTrace } from './statement-trace.ts';
import { ClientTraffic, type TrafficLimits, type TrafficOwner } from './traffic.ts';

export interface ClientSessionOptions {
  readonly client: Identified;
  readonly processId: number;
  readonly pools: ServerPools;
  readonly pool: Pool;
  readonly component: Component<Borrower>;
  readonly registry: StatementRegistry;
  readonly profiles: ProfileTable;
  readonly limits: TrafficLimits;
  readonly poolMode: PoolMode;
  readonly pinning: Pinning;
  readonly clock: Clock;
  readonly log: Log;
  readonly over: (session: ClientSession) => void;
}

const lingerMs = 5000;
/** Cancel keys as PostgreSQL 18 makes them for protocol 3.2 and for 3.0. */
const longKeyBytes = 32;
const shortKeyBytes = 4;
/** Statements that make a transaction last; several in one text may end with one. */
const commits = /\b(?:commit|end|prepare\s+transaction)\b/i;
/** Unreported settings one client may have; with more it is pinned. */
const extrasMax = 100;

/**
 * One client from its login to its end.
 *
 * login: it waits for the first server to learn and check its settings.
 * idle: between transactions; holds no server.
 * waiting: its request is kept until a server is lent.
 * active: it holds a server, from the first message of a transaction until ReadyForQuery says idle; for longer
 *   while `pinnedBy` says why.
 * closing: nothing is read from it any more.
 */
export class ClientSession implements TrafficOwner, Borrower, Learner, TransportSink {
  state: 'login' | 'idle' | 'waiting' | 'active' | 'closing' = 'login';
  readonly transport: Transport;
  readonly toClient: OutBatch;
  readonly statements: ClientStatements;
  readonly pool: Pool;
  readonly component: Component<Borrower>;
  readonly ticket: Ticket<Borrower> = createTicket<Borrower>(this);
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  readonly connectedAtMs: number;
  /** When its last request began. */
  requestedAtMs: number;
  profile: Profile | undefined;
  server: ServerConnection | undefined;
  /** What makes it keep its server between transactions. */
  pinnedBy: PinReason | undefined;
  readonly trace = new StatementTrace();
  readonly poolMode: PoolMode;
  readonly startExtras = new Map<string, string>();
  readonly #options: ClientSessionOptions;
  readonly #pools: ServerPools;
  readonly #traffic: ClientTraffic;
  #settings = new Map<string, string>();
  #settingsKey = '';
  #isVerifying = false;

  constructor(options: ClientSessionOptions) {
    const { client } = options;
    this.#options = options;
    this.#pools = options.pools;
    this.transport = client.transport;
    this.toClient = new OutBatch(client.transport);
    this.statements = new ClientStatements(options.registry);
    this.pool = options.pool;
    this.component = options.component;
    this.processId = options.processId;
    this.user = client.user.name;
    this.database = client.database;
    this.applicationName = client.parameters.get('application_name') ?? '';
    this.poolMode = options.poolMode;
    this.secretKey = randomBytes(client.protocolMinor >= 2 ? longKeyBytes : shortKeyBytes);
    this.connectedAtMs = options.clock.nowMs();
    this.requestedAtMs = this.connectedAtMs;
    this.#traffic = new ClientTraffic(this, options.limits);
  }

  get isContended(): boolean {
    return this.pinnedBy === undefined && this.#pools.scheduler.waiting > 0;
  }

  get isSession(): boolean {
    return this.poolMode === 'session';
  }

  get isWaiting(): boolean {
    return this.state === 'waiting' || (this.state === 'login' && this.server === undefined);
  }

  /** Answers the login, after a look at a server if its settings are new. */
  start(): void {
    const { client } = this.#options;
    client.attach(this);
    this.#traffic.hold(client.rest, 0, client.rest.length);
    try {
      this.#settings = parseStartupSettings(client.parameters);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.fail(error.sqlstate, error.message);
      return;
    }
    this.#settings.delete('application_name');
    this.#settingsKey = JSON.stringify([...this.#settings]);
    this.pool.welcomes.ask(this.#settingsKey, this);
  }

  learnNow(): void {
    const lent = this.#pools.borrow(this);
    if (lent === 'full') this.serverIsRefused({ kind: 'queueFull' });
    else if (lent !== 'later') this.serverIsLent(lent);
  }

  data(buffer: Buffer, start: number, end: number): boolean {
    if (this.state === 'closing') return true;
    this.pool.totals.receivedBytes += end - start;
    try {
      return this.#traffic.data(buffer, start, end);
    } catch (error) {
      this.#violated(error);
      return true;
    }
  }

  drained(): void {
    this.server?.transport.resume();
  }

  closed(): void {
    this.#leave();
  }

  needServer(): ServerConnection | 'later' | 'full' {
    this.requestedAtMs = this.#options.clock.nowMs();
    this.state = 'waiting';
    const lent = this.#pools.borrow(this);
    if (lent === 'later' || lent === 'full') return lent;
    this.#own(lent);
    return lent;
  }

  allows(server: ServerConnection, effect: SessionEffect): boolean {
    if (effect.reason === 'set' && this.#carries(server, effect)) return true;
    const { pinning } = this.#options;
    if (pinning === 'pin') this.#pin(server, effect.reason);
    if (pinning !== 'refuse') return true;
    server.refusal = `a statement that leaves session state (${effect.reason}) is refused in ${this.poolMode} pooling (pinning)`;
    this.#pools.refusedStates++;
    return false;
  }

  stateWasMade(reason: PinReason): void {
    if (this.server !== undefined && this.#options.pinning !== 'ignore') this.#pin(this.server, reason);
  }

  stateWasDiscarded(): void {
    if (this.profile !== undefined) {
      this.profile = this.#options.profiles.intern(this.profile.reported, this.startExtras);
    }
    if (!this.isSession) this.pinnedBy = undefined;
    else if (this.server !== undefined) this.server.needsDiscard = true;
  }

  requestIsRefused(): void {
    this.serverIsRefused({ kind: 'queueFull' });
  }

  serverIsLent(server: ServerConnection): void {
    this.server = server;
    if (this.state === 'login') {
      this.#verifySettings(server);
      return;
    }
    this.pool.totals.waitMs += this.#options.clock.nowMs() - this.requestedAtMs;
    this.#own(server);
    this.#resume();
  }

  serverIsRefused(refusal: Refusal): void {
    const { name, queueMax, queueTimeoutMs } = this.component.share;
    const hint = `Component "${name}" may use ${this.component.share.max} of ${this.#pools.scheduler.total} server connections.`;
    if (refusal.kind === 'login') {
      if (this.state === 'login') this.pool.welcomes.refused(this.#settingsKey, this, refusal);
      this.loginIsRefused(refusal);
    } else if (refusal.kind === 'timeout') {
      const message = `no server connection for component "${name}" within ${queueTimeoutMs} ms (queueTimeoutMs)`;
      this.#refuseRequest(sqlstates.tooManyConnections, message, hint);
    } else {
      const message = `${queueMax} clients of component "${name}" wait for a server connection already (queueMax)`;
      this.#refuseRequest(sqlstates.tooManyConnections, message, hint);
    }
  }

  loginIsRefused(failure: LoginFailure): void {
    this.fail(failure.sqlstate, failure.message, failure.detail);
  }

  serverIsReady(): void {
    const server = this.server;
    if (server === undefined) return;
    if (this.#isVerifying) {
      if (server.isAtRest) this.#settingsAreVerified(server);
      return;
    }
    if (this.poolMode === 'statement' && server.status !== 'I' && server.replies.size === 0) {
      const message = 'transaction blocks not allowed in statement pooling mode';
      this.fail(sqlstates.featureNotSupported, message);
    } else if (this.pinnedBy !== undefined) {
      if (this.#traffic.isBlocked) this.#resume();
    } else if (server.isAtRest && !this.#traffic.isMidMessage) {
      this.#giveBack(server);
      // While this client was answered, its next request came in.
      if (this.#traffic.isBlocked) this.#resume();
    } else if (this.#traffic.isBlocked && (server.isCopyingIn || server.replies.size === 0)) {
      if (server.cancelsInFlight === 0 || server.status !== 'I') this.#resume();
    }
  }

  settingsWereRefused(fields: Map<string, string>): void {
    const detail = fields.get('D');
    const failure = {
      sqlstate: fields.get('C') ?? sqlstates.internalError,
      message: fields.get('M') ?? '',
      ...(detail === undefined ? {} : { detail }),
    };
    if (this.#isVerifying) this.pool.welcomes.refused(this.#settingsKey, this, failure);
    this.#isVerifying = false;
    this.loginIsRefused(failure);
  }

  serverIsWritable(): void {
    if (!this.#traffic.isBlocked) this.transport.resume();
  }

  serverIsGone(wasTold: boolean, isMidMessage: boolean): void {
    this.server = undefined;
    if (this.state === 'closing') return;
    if (isMidMessage) {
      // The client is inside a message that will never end; no error can be told apart from its bytes.
      this.transport.destroy();
      this.#leave();
    } else if (wasTold) {
      this.#leave();
      this.#end();
    } else {
      this.fail(sqlstates.connectionFailure, 'server closed the connection unexpectedly');
    }
  }

  clientLeaves(): void {
    this.#leave();
    this.#end();
  }

  /** Interrupts what this client has running or waiting. */
  cancel(): void {
    if (this.server !== undefined && this.server.replies.size > 0) {
      this.#pools.cancel(this.server);
    } else if (this.state === 'waiting') {
      this.#pools.withdraw(this);
      this.#refuseRequest(sqlstates.queryCanceled, 'canceling statement due to user request');
    }
  }

  /** Interrupts what runs, with a message that says why. */
  cancelBecause(message: string): void {
    if (this.server === undefined) return;
    this.server.cancelMessage = message;
    this.#pools.cancel(this.server);
  }

  /** Ends the session with a fatal error. */
  fail(code: string, message: string, detail?: string): void {
    if (this.state === 'closing') return;
    const extra = detail === undefined ? {} : { detail };
    this.toClient.bytes(encodeErrorResponse({ severity: 'FATAL', code, message, ...extra }));
    this.toClient.flush();
    this.#leave();
    this.#end();
  }

  #resume(): void {
    try {
      this.#traffic.resume();
    } catch (error) {
      this.#violated(error);
    }
  }

  /** What was sent to the server up to a broken message is in an unknown state: it goes with the client. */
  #violated(error: unknown): void {
    if (!(error instanceof WireError)) throw error;
    this.#options.log.info({ user: this.user, reason: error.message }, 'client broke the protocol');
    const server = this.server;
    this.server = undefined;
    if (server !== undefined) this.#pools.abandon(server, true);
    this.fail(error.sqlstate, error.message);
  }

  #own(server: ServerConnection): void {
    this.state = 'active';
    this.server = server;
    if (!this.isSession) return;
    startSession(server);
    this.#pin(server, 'session');
  }

  #pin(server: ServerConnection, reason: PinReason): void {
    server.needsDiscard = true;
    if (this.pinnedBy !== undefined) return;
    this.pinnedBy = reason;
    if (reason === 'session') return;
    this.#pools.pins++;
    const component = this.component.share.name;
    this.#options.log.info({ user: this.user, component, reason }, 'a client keeps its server');
  }

  /** A setting PostgreSQL reports, or a lone SET outside a transaction, follows its client without a pin. */
  #carries(server: ServerConnection, effect: SessionEffect): boolean {
    const { change, settingName } = effect;
    if (settingName !== undefined && server.profile.reported.has(reportedName(settingName) ?? ''))
      return true;
    const isLone = server.status === 'I' && (server.replies.size === 0 || server.hasOnlySetup);
    if (change !== undefined && isLone && (this.profile?.extras.size ?? 0) < extrasMax) {
      server.pendingSetting = change;
      return true;
    }
    // A RESET in a transaction changes nothing that a server must be kept for.
    return change !== undefined && settingName === undefined;
  }

  #giveBack(server: ServerConnection): void {
    this.server = undefined;
    this.state = 'idle';
    // A full server may have stopped this client.
    if (!this.#traffic.isBlocked) this.transport.resume();
    this.#pools.giveBack(server, this);
  }

  /** An overloaded pool refuses one request; the session lives if the error answers the request completely. */
  #refuseRequest(code: string, message: string, hint?: string): void {
    if (this.state === 'login' || !this.#traffic.dropWholeRequest()) {
      this.fail(code, message, hint);
      return;
    }
    const extra = hint === undefined ? {} : { hint };
    this.toClient.bytes(encodeErrorResponse({ severity: 'ERROR', code, message, ...extra }));
    this.toClient.bytes(encodeReadyForQuery('I'));
    this.toClient.flush();
    this.state = 'idle';
    this.#resume();
  }

  /** Lets go of everything; safe in every state. */
  #leave(): void {
    if (this.state === 'closing') return;
    const wasWaiting = this.isWaiting;
    const wasLogin = this.state === 'login';
    this.state = 'closing';
    this.#traffic.isBlocked = true;
    this.statements.forgetAll();
    const server = this.server;
    this.server = undefined;
    if (server !== undefined) this.#abandon(server);
    else if (wasWaiting) this.#pools.withdraw(this);
    this.#options.over(this);
    if (wasLogin) this.pool.welcomes.giveUp(this.#settingsKey, this);
  }

  /** What runs inside a transaction will be rolled back anyway: nobody waits for it, unless it is the COMMIT. */
  #abandon(server: ServerConnection): void {
    const isDoomed = server.status === 'T' && server.replies.size > 0 && !this.isSession;
    this.#pools.abandon(server, this.#traffic.isMidMessage);
    if (isDoomed && server.state === 'reset' && !commits.test(this.trace.text)) this.#pools.cancel(server);
  }

  #end(): void {
    const transport = this.transport;
    transport.end();
    this.#options.clock.after(lingerMs, () => transport.destroy());
  }

  /** Applies the start-up settings once, so that a bad one fails now and good ones are known as reported. */
  #verifySettings(server: ServerConnection): void {
    const base = this.pool.base ?? server.profile;
    const reported = new Map(base.reported);
    const extras = new Map<string, string>();
    for (const [name, value] of this.#settings) {
      const known = reportedName(name);
      if (known !== undefined && reported.has(known)) reported.set(known, value);
      else extras.set(name.toLowerCase(), value);
    }
    const want = this.#options.profiles.intern(reported, extras);
    const sql = settingsSql(server.profile, want);
    this.#isVerifying = true;
    if (sql === '') {
      this.#settingsAreVerified(server);
      return;
    }
    server.applySettings(sql, want);
    server.toServer.flush();
  }

  #settingsAreVerified(server: ServerConnection): void {
    this.#isVerifying = false;
    const reported = new Map<string, string>();
    for (const name of server.profile.reported.keys()) reported.set(name, server.parameters.get(name) ?? '');
    server.profile = this.#options.profiles.intern(reported, server.profile.extras);
    const welcome = { profile: server.profile, parameters: new Map(server.parameters) };
    this.#giveBack(server);
    this.welcomeIsKnown(welcome);
    this.pool.welcomes.learned(this.#settingsKey, welcome);
  }

  welcomeIsKnown(welcome: Welcome): void {
    const applicationName = cleanApplicationName(this.applicationName);
    this.profile = this.#options.profiles.with(welcome.profile, 'application_name', applicationName);
    for (const [name, value] of welcome.profile.extras) this.startExtras.set(name, value);
    for (const [name, value] of welcome.parameters) {
      this.toClient.bytes(encodeParameterStatus(name, name === 'application_name' ? applicationName : value));
    }
    this.toClient.bytes(encodeBackendKeyData(this.processId, this.secretKey));
    this.toClient.bytes(encodeReadyForQuery('I'));
    this.toClient.flush();
    this.state = 'idle';
    this.#resume();
  }
}
