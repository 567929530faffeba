import {
  clientTags,
  encodeParse,
  encodeQuery,
  encodeReadyForQuery,
  sqlstates,
  WireError,
} from '@sampan/pg-wire';
import { isReservedName } from '../prepared/statements.ts';
import { replies } from '../protocol/reply-queue.ts';
import type { Holder } from '../server/holder.ts';
import type { ServerConnection } from '../server/server-connection.ts';
import { prepareOn, prepareUnnamed } from '../server/session-sql.ts';
import { forgetsStatements } from './session-commands.ts';
import { type SessionEffect, sessionEffectOf } from './session-state.ts';
import type { StatementTrace } from './statement-trace.ts';

/** What the message loop needs of its session. */
export interface TrafficOwner extends Holder {
  readonly server: ServerConnection | undefined;
  /** Others wait for a server: a client may not keep one by sending transactions back to back. */
  readonly isContended: boolean;
  readonly trace: StatementTrace;
  /** The server is this client's until it leaves: names and session state are its own affair. */
  readonly isSession: boolean;
  /** Takes note of what a statement leaves in its session; false when it must not reach the server. */
  allows(server: ServerConnection, effect: SessionEffect): boolean;
  /** Asks for a server for the message that begins now; without one the bytes are kept. */
  needServer(): ServerConnection | 'later' | 'full';
  /** After 'full': the kept bytes are the request to refuse. */
  requestIsRefused(): void;
  /** The client said goodbye. */
  clientLeaves(): void;
}

export interface TrafficLimits {
  /** Longest Parse of a named statement, and longest names: they are kept, not streamed. */
  readonly statementBytesMax: number;
  /** Statements a server keeps prepared. */
  readonly preparedMax: number;
  /** Names one client may have. */
  readonly clientStatementsMax: number;
  readonly frameBytesMax: number;
}

/** Requests this small must be whole before they take a server, so that a slow sender holds none. */
const wholeBytesMax = 16 * 1024;
/** A simple query longer than this is not looked at for session commands. */
const commandBytesMax = 1024;
const namesBytesMax = 8 * 1024;
/** Replies that may be owed; a client this far ahead breaks the rules on purpose. */
const repliesMax = 1_000_000;

const readyIdle = encodeReadyForQuery('I');
/** Texts that PostgreSQL refuses, which fails the transaction as a refusal should. */
const refusedQuery = encodeQuery('refused by the proxy');
const refusedParse = encodeParse({ name: '', query: 'refused by the proxy', parameterTypes: [] });
/** Scanning stops here; the bytes from this position wait for more. */
const keep = -1;

/**
 * The path from client to server. Messages are recognised by their five header bytes and forwarded in whole
 * runs; only statement names are rewritten.
 *
 * Bytes that cannot be forwarded yet are `held`: the beginning of a message, or everything while `isBlocked`
 * (waiting for a server, or for the end of a transaction after which others are served first).
 */
export class ClientTraffic {
  readonly #owner: TrafficOwner;
  readonly #limits: TrafficLimits;
  isBlocked = true;
  #held: Buffer | undefined;
  /** Memory for small held pieces, reused. */
  #stash: Buffer | undefined;
  /** Bytes of the current message's body that are still to come. */
  #bodyLeft = 0;
  #isDropping = false;
  #runFrom = 0;

  constructor(owner: TrafficOwner, limits: TrafficLimits) {
    this.#owner = owner;
    this.#limits = limits;
  }

  /** Half a message has been forwarded. */
  get isMidMessage(): boolean {
    return this.#bodyLeft > 0 && !this.#isDropping;
  }

  get hasHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Takes what the client sent; like `TransportSink.data`. May throw `WireError`. */
  data(buffer: Buffer, start: number, end: number): boolean {
    if (this.isBlocked) {
      this.hold(buffer, start, end);
      return true;
    }
    const held = this.#held;
    if (held === undefined) return this.#run(buffer, start, end);
    this.#held = undefined;
    const joined = Buffer.concat([held, buffer.subarray(start, end)]);
    this.#run(joined, 0, joined.length);
    return true;
  }

  /** Keeps bytes for later. They are bounded because a blocked client is read at most once more. */
  hold(buffer: Buffer, start: number, end: number): void {
    if (start >= end) return;
    const length = end - start;
    if (this.#held !== undefined) {
      this.#held = Buffer.concat([this.#held, buffer.subarray(start, end)]);
      this.#owner.toClient.transport.pause();
      return;
    }
    if (length > 1024) {
      this.#held = Buffer.from(buffer.subarray(start, end));
      return;
    }
    this.#stash ??= Buffer.allocUnsafe(1024);
    buffer.copy(this.#stash, 0, start, end);
    this.#held = this.#stash.subarray(0, length);
  }

  /** Goes on with what was held. */
  resume(): void {
    this.isBlocked = false;
    this.#owner.toClient.transport.resume();
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#run(held, 0, held.length);
  }

  /**
   * Drops the held request if it is exactly one whole one (a simple query, or a batch up to its only Sync), so
   * that an error and ReadyForQuery answer it completely.
   */
  dropWholeRequest(): boolean {
    const held = this.#held;
    if (held === undefined || this.#bodyLeft > 0) return false;
    for (let at = 0; held.length - at >= 5; ) {
      const tag = held[at];
      const next = at + 1 + held.readUInt32BE(at + 1);
      const isLast = tag === clientTags.sync || (tag === clientTags.query && at === 0);
      if (isLast) {
        if (next !== held.length) return false;
        this.#held = undefined;
        return true;
      }
      if (tag === clientTags.query || tag === clientTags.terminate || tag === clientTags.functionCall)
        return false;
      at = next;
    }
    return false;
  }

  #run(buffer: Buffer, start: number, end: number): boolean {
    this.#runFrom = start;
    let at = start;
    let server = this.#owner.server;
    if (this.#bodyLeft > 0) {
      at = Math.min(end, start + this.#bodyLeft);
      this.#bodyLeft -= at - start;
      if (this.#isDropping || server === undefined) this.#runFrom = at;
    }
    if (server === undefined) {
      at = this.#skipIdle(buffer, at, end);
      this.#runFrom = at;
      if (at === end || this.isBlocked) return true;
      if (!this.#isWorthAServer(buffer, at, end)) {
        this.hold(buffer, at, end);
        return true;
      }
      const lent = this.#owner.needServer();
      if (lent === 'later' || lent === 'full') {
        this.isBlocked = true;
        this.hold(buffer, at, end);
        if (lent === 'full') this.#owner.requestIsRefused();
        return true;
      }
      server = lent;
    }
    return this.#forward(server, buffer, at, end);
  }

  #forward(server: ServerConnection, buffer: Buffer, start: number, end: number): boolean {
    let at = start;
    while (end - at >= 5) {
      if (this.#owner.isContended && isBetweenTransactions(server)) {
        this.isBlocked = true;
        break;
      }
      const next = at + 1 + this.#lengthAt(buffer, at);
      if (this.#takeMessage(server, buffer, at, next, end) === keep) break;
      if (this.#owner.server !== server) return true;
      if (next > end) this.#bodyLeft = next - end;
      at = Math.min(next, end);
    }
    server.toServer.run(buffer, this.#runFrom, at);
    const isFree = server.toServer.flush();
    // Held memory that is still being sent must not be written over.
    if (!isFree) this.#stash = undefined;
    if (server.replies.head >= replies.parseKnown) {
      server.giveLocalReplies(this.#owner.toClient);
      this.#owner.toClient.flush();
    }
    if (at < end) this.hold(buffer, at, end);
    if (server.transport.isFull) this.#owner.toClient.transport.pause();
    if (server.isAtRest && this.#bodyLeft === 0) this.#owner.serverIsReady();
    return isFree;
  }

  #lengthAt(buffer: Buffer, at: number): number {
    const length =
      (((buffer[at + 1] ?? 0) << 24) |
        ((buffer[at + 2] ?? 0) << 16) |
        ((buffer[at + 3] ?? 0) << 8) |
        (buffer[at + 4] ?? 0)) >>>
      0;
    if (length >= 4 && length <= this.#limits.frameBytesMax) return length;
    throw new WireError(
      sqlstates.protocolViolation,
      `invalid message length: ${length} bytes, allowed 4 to ${this.#limits.frameBytesMax} (frameBytesMax)`,
    );
  }

  /** Whether what is there is enough to occupy a server with. */
  #isWorthAServer(buffer: Buffer, at: number, end: number): boolean {
    if (end - at < 5) return false;
    const size = 1 + this.#lengthAt(buffer, at);
    return end - at >= size || size > wholeBytesMax;
  }

  /** Deals with messages that need no server; returns where the first begins that does. */
  #skipIdle(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (end - at >= 5) {
      const tag = buffer[at];
      const next = at + 1 + this.#lengthAt(buffer, at);
      if (tag === clientTags.terminate) {
        this.isBlocked = true;
        this.#owner.clientLeaves();
        return end;
      }
      // The rest of a COPY that failed on the server; PostgreSQL ignores these too.
      const isStrayCopy =
        tag === clientTags.copyData || tag === clientTags.copyDone || tag === clientTags.copyFail;
      if (tag === clientTags.sync && next <= end) {
        this.#owner.toClient.bytes(readyIdle);
        this.#owner.toClient.flush();
      } else if (!isStrayCopy && tag !== clientTags.flush) {
        return at;
      }
      if (next > end) {
        this.#bodyLeft = next - end;
        this.#isDropping = true;
        return end;
      }
      at = next;
    }
    return at;
  }

  /**
   * Accounts for one message that begins at `at`. Returns `keep` when more of it must arrive first, else `at`.
   * What is not forwarded as it is, the handler takes out of the run.
   */
  #takeMessage(server: ServerConnection, buffer: Buffer, at: number, next: number, end: number): number {
    const tag = buffer[at] ?? 0;
    this.#isDropping = false;
    if (server.replies.size > repliesMax) {
      throw new WireError('54000', `more than ${repliesMax} requests are unanswered`);
    }
    if (server.isSkipping && tag !== clientTags.sync && tag !== clientTags.terminate) {
      this.#drop(server, buffer, at, next, end);
      return at;
    }
    switch (tag) {
      case clientTags.query:
        return this.#takeQuery(server, buffer, at, next, end);
      case clientTags.sync:
        server.isSkipping = false;
        server.isBatchOpen = false;
        // A server that takes COPY data ignores Sync.
        if (!server.isCopyingIn) server.replies.push(replies.sync);
        return at;
      case clientTags.parse:
        return this.#takeParse(server, buffer, at, next, end);
      case clientTags.bind:
        return this.#takeBind(server, buffer, at, next, end);
      case clientTags.describe:
      case clientTags.close:
        return this.#takeTarget(server, tag, buffer, at, next, end);
      case clientTags.execute:
        server.isBatchOpen = true;
        server.replies.push(replies.execute);
        return at;
      case clientTags.functionCall:
        server.replies.push(replies.functionCall);
        return at;
      case clientTags.copyDone:
      case clientTags.copyFail:
        server.isCopyingIn = false;
        server.replies.push(replies.copyEnd);
        return at;
      case clientTags.copyData:
      case clientTags.flush:
        return at;
      case clientTags.terminate:
        server.toServer.run(buffer, this.#runFrom, at);
        server.toServer.flush();
        this.isBlocked = true;
        this.#owner.clientLeaves();
        return at;
      default:
        throw new WireError(sqlstates.protocolViolation, `invalid frontend message type ${tag}`);
    }
  }

  #takeQuery(server: ServerConnection, buffer: Buffer, at: number, next: number, end: number): number {
    if (end - at < 6) return keep;
    const first = buffer[at + 5] ?? 0;
    // Only text that begins with D, white space or a comment can be a session command.
    const mayBeCommand =
      first === 0x44 || first === 0x64 || first <= 0x20 || first === 0x2d || first === 0x2f;
    let kind: number = replies.query;
    if (mayBeCommand && next - at <= commandBytesMax) {
      if (next > end) return keep;
      const command = forgetsStatements(buffer.toString('utf8', at + 5, next - 1));
      if (command === 'all') {
        kind = replies.queryForget;
        server.prepared.clear();
        this.#owner.statements.forgetAll();
      } else if (command !== undefined && this.#deallocate(server, command.name, buffer, at, next)) {
        return at;
      }
    }
    server.isBatchOpen = false;
    this.#owner.trace.note(buffer, at + 5, Math.min(next - 1, end));
    if (!this.#isAllowed(server, buffer, at + 5, Math.min(next, end))) {
      this.#refuse(server, buffer, at, next, end, replies.queryRefused);
      return at;
    }
    // PostgreSQL drops the unnamed statement at every simple query.
    server.unnamedOf = undefined;
    this.#owner.statements.forgetUnnamed();
    server.replies.push(kind);
    return at;
  }

  #isAllowed(server: ServerConnection, buffer: Buffer, from: number, to: number): boolean {
    if (this.#owner.isSession) return true;
    const effect = sessionEffectOf(buffer, from, to);
    return effect === undefined || this.#owner.allows(server, effect);
  }

  /** Sends something that fails in place of a message; the client is told the reason. */
  #refuse(
    server: ServerConnection,
    buffer: Buffer,
    at: number,
    next: number,
    end: number,
    kind: number,
  ): void {
    this.#drop(server, buffer, at, next, end);
    server.replies.push(kind);
    server.toServer.bytes(kind === replies.queryRefused ? refusedQuery : refusedParse);
  }

  /**
   * DEALLOCATE of a name that the client prepared by protocol. The statement stays on the server, where others
   * use it; only the client's name goes, and the proxy answers.
   */
  #deallocate(server: ServerConnection, name: string, buffer: Buffer, at: number, next: number): boolean {
    if (this.#owner.statements.forget(name) === undefined) return false;
    server.toServer.run(buffer, this.#runFrom, at);
    this.#runFrom = next;
    server.replies.push(replies.deallocateKnown);
    return true;
  }

  #takeParse(server: ServerConnection, buffer: Buffer, at: number, next: number, end: number): number {
    if (end - at < 6) return keep;
    if (buffer[at + 5] === 0 || this.#owner.isSession) {
      server.isBatchOpen = true;
      this.#owner.trace.note(buffer, at + 6, Math.min(next, end));
      if (!this.#isAllowed(server, buffer, at + 6, Math.min(next, end))) {
        this.#refuse(server, buffer, at, next, end, replies.parseRefused);
        return at;
      }
      server.replies.push(replies.parseUnnamed);
      if (this.#owner.isSession) return at;
      server.unnamedOf = this.#owner.statements;
      if (next <= end) this.#owner.statements.defineUnnamed(buffer, at, next);
      else this.#owner.statements.forgetUnnamed();
      return at;
    }
    if (next - at > this.#limits.statementBytesMax) {
      throw new WireError(
        '54000',
        `a named statement of ${next - at} bytes exceeds statementBytesMax ${this.#limits.statementBytesMax}`,
      );
    }
    if (next > end) return keep;
    const nameEnd = this.#stringEnd(buffer, at + 5, next);
    const name = buffer.toString('latin1', at + 5, nameEnd);
    const statements = this.#owner.statements;
    server.isBatchOpen = true;
    if (!this.#isAllowed(server, buffer, nameEnd + 1, next)) {
      this.#refuse(server, buffer, at, next, end, replies.parseRefused);
      return at;
    }
    server.toServer.run(buffer, this.#runFrom, at);
    this.#runFrom = next;
    if (statements.isTaken(name)) {
      this.#parseAgain(server, name);
      return at;
    }
    if (statements.size >= this.#limits.clientStatementsMax) {
      throw new WireError('54000', `more than ${this.#limits.clientStatementsMax} prepared statements`);
    }
    const statement = statements.define(name, buffer.subarray(nameEnd + 1, next));
    if (prepareOn(server, statement, { max: this.#limits.preparedMax, isOwnParse: true, name })) {
      server.replies.pushNamed(replies.parseKnown, { name, statement });
    }
    return at;
  }

  /** A name that is taken: the server refuses it itself, with its own error. */
  #parseAgain(server: ServerConnection, name: string): void {
    const statement = this.#owner.statements.get(name);
    if (statement === undefined) return;
    prepareOn(server, statement, { max: this.#limits.preparedMax, isOwnParse: false, name });
    server.replies.push(replies.parseUnnamed);
    server.toServer.bytes(statement.parse);
  }

  #takeBind(server: ServerConnection, buffer: Buffer, at: number, next: number, end: number): number {
    const there = Math.min(next, end);
    const portalEnd = buffer.indexOf(0, at + 5);
    const nameEnd = portalEnd === -1 || portalEnd >= there ? -1 : buffer.indexOf(0, portalEnd + 1);
    if (nameEnd === -1 || nameEnd >= there) {
      if (next <= end || there - at > namesBytesMax) {
        throw new WireError(sqlstates.protocolViolation, 'invalid names in a Bind message');
      }
      return keep;
    }
    server.isBatchOpen = true;
    if (this.#owner.isSession) {
      server.replies.push(replies.bind);
      return at;
    }
    if (nameEnd === portalEnd + 1) {
      this.#needUnnamed(server, buffer, at);
    } else {
      this.#rename(server, clientTags.bind, buffer, { at, next, nameStart: portalEnd + 1, nameEnd });
    }
    server.replies.push(replies.bind);
    return at;
  }

  #takeTarget(
    server: ServerConnection,
    tag: number,
    buffer: Buffer,
    at: number,
    next: number,
    end: number,
  ): number {
    if (next - at > namesBytesMax || next - at < 7) {
      throw new WireError(sqlstates.protocolViolation, 'invalid name in a Describe or Close message');
    }
    if (next > end) return keep;
    const nameEnd = this.#stringEnd(buffer, at + 6, next);
    const isNamedStatement = buffer[at + 5] === 0x53 && nameEnd > at + 6 && !this.#owner.isSession;
    server.isBatchOpen = true;
    if (tag === clientTags.close) {
      if (isNamedStatement && this.#closeStatement(server, buffer, at, next, nameEnd)) return at;
      server.replies.push(replies.close);
      return at;
    }
    const isStatement = buffer[at + 5] === 0x53;
    if (isNamedStatement) this.#rename(server, tag, buffer, { at, next, nameStart: at + 6, nameEnd });
    else if (isStatement && !this.#owner.isSession) this.#needUnnamed(server, buffer, at);
    server.replies.push(isStatement ? replies.describeStatement : replies.describePortal);
    return at;
  }

  #needUnnamed(server: ServerConnection, buffer: Buffer, at: number): void {
    const statements = this.#owner.statements;
    if (server.unnamedOf === statements || statements.unnamed === undefined) return;
    server.toServer.run(buffer, this.#runFrom, at);
    this.#runFrom = at;
    prepareUnnamed(server, statements);
  }

  /** The statement stays on the server, where others use it; only the client's name goes. */
  #closeStatement(
    server: ServerConnection,
    buffer: Buffer,
    at: number,
    next: number,
    nameEnd: number,
  ): boolean {
    const name = buffer.toString('latin1', at + 6, nameEnd);
    const statement = this.#owner.statements.beginClose(name);
    if (statement === undefined && !isReservedName(name)) return false;
    server.toServer.run(buffer, this.#runFrom, at);
    this.#runFrom = next;
    if (statement === undefined) server.replies.push(replies.copyEnd);
    else server.replies.pushNamed(replies.closeKnown, { name, statement });
    return true;
  }

  /** Puts the statement's name on the server in place of the client's, preparing it there if need be. */
  #rename(
    server: ServerConnection,
    tag: number,
    buffer: Buffer,
    place: {
      readonly at: number;
      readonly next: number;
      readonly nameStart: number;
      readonly nameEnd: number;
    },
  ): void {
    const { at, next, nameStart, nameEnd } = place;
    const name = buffer.toString('latin1', nameStart, nameEnd);
    const statement = this.#owner.statements.get(name);
    // A name the client never prepared goes through unchanged, and PostgreSQL says that it does not exist;
    // one that looks like the proxy's own must not reach a statement of somebody else.
    const nameBytes =
      statement?.nameBytes ?? (isReservedName(name) ? Buffer.from(`client ${name}\0`, 'latin1') : undefined);
    if (nameBytes === undefined) return;
    const out = server.toServer;
    out.run(buffer, this.#runFrom, at);
    if (statement !== undefined) {
      if (tag === clientTags.bind) {
        this.#owner.trace.noteStatement(statement);
        if (statement.effect !== undefined) this.#owner.allows(server, statement.effect);
      }
      prepareOn(server, statement, { max: this.#limits.preparedMax, isOwnParse: false, name });
    }
    out.header(tag, next - at - 1 - (nameEnd + 1 - nameStart) + nameBytes.length);
    out.run(buffer, at + 5, nameStart);
    out.bytes(nameBytes);
    this.#runFrom = nameEnd + 1;
  }

  #stringEnd(buffer: Buffer, from: number, next: number): number {
    const end = buffer.indexOf(0, from);
    if (end !== -1 && end < next) return end;
    throw new WireError(sqlstates.protocolViolation, 'invalid string in message');
  }

  #drop(server: ServerConnection, buffer: Buffer, at: number, next: number, end: number): void {
    server.toServer.run(buffer, this.#runFrom, at);
    this.#runFrom = Math.min(next, end);
    this.#isDropping = true;
  }
}

/**
 * A request was sent that may end the transaction, and its outcome is not known. What the client sends on top
 * waits while others wait for a server; the settings the proxy sent ahead do not count.
 */
function isBetweenTransactions(server: ServerConnection): boolean {
  const owed = server.replies;
  if (owed.size === 0 || server.isBatchOpen || server.isCopyingIn) return false;
  return owed.size > 1 || owed.head !== replies.setup;
}
