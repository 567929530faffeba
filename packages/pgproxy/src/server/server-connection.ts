import {
  encodeCloseComplete,
  encodeCommandComplete,
  encodeCopyFail,
  encodeParseComplete,
  encodeQuery,
  encodeReadyForQuery,
  encodeSync,
  parseErrorFields,
  parseParameterStatus,
  serverTags,
  sqlstates,
  type TransactionStatus,
  WireError,
} from '@sampan/pg-wire';
import type { SettingChange } from '../client/session-state.ts';
import {
  type ClientStatements,
  mentionsServerName,
  type ParsedName,
  ServerStatements,
} from '../prepared/statements.ts';
import { OutBatch } from '../protocol/out-batch.ts';
import { firstLocalReply, ReplyQueue, replies } from '../protocol/reply-queue.ts';
import { type Profile, type ProfileTable, reportedName, settingsSql } from '../settings/profile.ts';
import type { Transport, TransportSink } from '../transport/transport.ts';
import type { Holder, ServerOwner } from './holder.ts';
import { errorMessageOf, isControl, isTelling } from './message-kinds.ts';
import type { ServerAddress } from './server-transport.ts';

/** Larger control messages are forwarded without a look. */
const captureBytesMax = 64 * 1024;
const frameBytesMax = 0x7fff_ffff;

const parseComplete = encodeParseComplete();
const closeComplete = encodeCloseComplete();
const deallocateComplete = encodeCommandComplete('DEALLOCATE');

/**
 * One connection to PostgreSQL, from the end of its login on.
 *
 * idle: nobody holds it, nothing is owed, no transaction is open.
 * active: `holder` is set; its bytes go there.
 * reset: its client is gone; replies are dropped until it is clean.
 * closing: it is not used any more.
 */
export class ServerConnection implements TransportSink {
  state: 'idle' | 'active' | 'reset' | 'closing' = 'idle';
  readonly transport: Transport;
  readonly toServer: OutBatch;
  readonly replies = new ReplyQueue();
  readonly prepared = new ServerStatements();
  readonly processId: number;
  readonly secretKey: Buffer;
  /** Everything the server reported, for the welcome of clients. */
  readonly parameters: Map<string, string>;
  readonly connectedAtMs: number;
  readonly address: ServerAddress;
  /** When it was last asked whether it is still there. */
  checkedMs = 0;
  /** When it logged in, on the clock of durations; likewise when it was last lent. */
  readonly bornMs: number;
  lentAtMs = 0;
  profile: Profile;
  holder: Holder | undefined;
  status: TransactionStatus = 'I';
  /** Extended-protocol messages were sent that no Sync has ended. */
  isBatchOpen = false;
  /** An error made the server skip everything up to a Sync that was not sent yet. */
  isSkipping = false;
  isCopyingIn = false;
  /** Cancel requests on their way to this server; it must not change hands before they arrived. */
  cancelsInFlight = 0;
  /** Another cancel request came while one was on its way. */
  isCancelWanted = false;
  /** Whose unnamed statement it holds. */
  unnamedOf: ClientStatements | undefined;
  /** It may not serve anybody after this client. */
  isSpent = false;
  /** Its session holds state of its client: DISCARD ALL must run before somebody else gets it. */
  needsDiscard = false;
  /** A lone SET or RESET on its way, noted in the profiles once the transaction it is has ended well. */
  pendingSetting: SettingChange | undefined;
  /** What a client is told in place of the error of a statement that was made to fail. */
  refusal = '';
  /** What a client is told in place of "canceling statement due to user request". */
  cancelMessage: string | undefined;
  /** Requests answered so far; unchanged means that the same one is still running or the client is idle. */
  turns = 0;
  transactions = 0;
  receivedBytes = 0;

  readonly #owner: ServerOwner;
  readonly #profiles: ProfileTable;
  #partial: Buffer | undefined;
  #bodyLeft = 0;
  #isHiding = false;
  /** What the client gets in place of the hidden message. */
  #replacement: Buffer | undefined;
  /** Start of the bytes of the current chunk that still have to be forwarded. */
  #runFrom = 0;
  #needsAttention = false;
  #wasTold = false;
  /** The server said that it ends the session. */
  #isDying = false;
  #isGone = false;
  /** The settings to which a refused change of settings returns. */
  #profileBefore: Profile;
  #setupError: Map<string, string> | undefined;
  #isSettingDone = false;
  #isDiscarding = false;

  constructor(options: {
    readonly transport: Transport;
    readonly owner: ServerOwner;
    readonly profiles: ProfileTable;
    readonly processId: number;
    readonly secretKey: Buffer;
    readonly parameters: Map<string, string>;
    readonly connectedAtMs: number;
    readonly address: ServerAddress;
    readonly bornMs: number;
  }) {
    this.address = options.address;
    this.bornMs = options.bornMs;
    this.lentAtMs = options.bornMs;
    this.transport = options.transport;
    this.toServer = new OutBatch(options.transport);
    this.#owner = options.owner;
    this.#profiles = options.profiles;
    this.processId = options.processId;
    this.secretKey = options.secretKey;
    this.parameters = options.parameters;
    this.connectedAtMs = options.connectedAtMs;
    const reported = new Map<string, string>();
    for (const [name, value] of options.parameters) {
      const known = reportedName(name);
      if (known !== undefined) reported.set(known, value);
    }
    this.profile = options.profiles.intern(reported, new Map());
    this.#profileBefore = this.profile;
  }

  /** Whether its client may give it back: everything was answered and no transaction is open. */
  get isAtRest(): boolean {
    return (
      this.replies.size === 0 &&
      this.status === 'I' &&
      !this.isBatchOpen &&
      !this.isSkipping &&
      this.#bodyLeft === 0 &&
      this.#partial === undefined &&
      this.cancelsInFlight === 0
    );
  }

  /** Nothing is owed but the reply to settings the proxy sent ahead. */
  get hasOnlySetup(): boolean {
    return this.replies.size === 1 && this.replies.head === replies.setup;
  }

  /** Starts to work for `holder`, with its settings applied ahead of whatever it sends. */
  lend(holder: Holder): void {
    this.holder = holder;
    this.state = 'active';
    const want = holder.profile;
    if (want === this.profile || want === undefined) return;
    const sql = settingsSql(this.profile, want);
    if (sql === '') this.profile = want;
    else this.applySettings(sql, want);
  }

  /** Sends SQL whose reply stays hidden and after which the session has the settings `want`. */
  applySettings(sql: string, want: Profile): void {
    this.#profileBefore = this.profile;
    this.profile = want;
    this.replies.push(replies.setup);
    this.toServer.bytes(encodeQuery(sql));
  }

  takeBack(): void {
    this.holder = undefined;
    this.state = 'idle';
    this.transport.resume();
  }

  /**
   * Its client left without finishing. What can be rolled back is; a half-sent message or a batch without
   * Sync cannot be ended without committing it, so then the connection is closed. Returns whether it lives.
   */
  abandon(isMidMessage: boolean): boolean {
    this.holder = undefined;
    this.state = 'reset';
    if (isMidMessage || this.isBatchOpen || this.isSpent) {
      this.close();
      return false;
    }
    if (this.isCopyingIn && !this.replies.hasCopyEnd()) {
      this.isCopyingIn = false;
      this.toServer.bytes(encodeCopyFail('the client disconnected'));
    }
    if (this.isSkipping) this.#sendSync();
    this.toServer.flush();
    this.transport.resume();
    this.continueReset();
    return true;
  }

  /** Rolls back what an absent client left open; reports the server clean once nothing is owed. */
  continueReset(): void {
    if (this.state !== 'reset' || this.replies.size > 0 || this.#bodyLeft > 0) return;
    if (this.isSkipping) {
      this.#sendSync();
      this.toServer.flush();
    } else if (this.status !== 'I') {
      this.replies.push(replies.query);
      this.toServer.bytes(encodeQuery('ROLLBACK'));
      this.toServer.flush();
    } else if (this.needsDiscard && !this.isSpent && this.#bodyLeft === 0) {
      this.needsDiscard = false;
      this.#isDiscarding = true;
      this.replies.push(replies.query);
      this.toServer.bytes(encodeQuery('DISCARD ALL'));
      this.toServer.flush();
    } else if (this.isAtRest) {
      this.#isDiscarding = false;
      this.#owner.serverIsClean(this);
    }
  }

  /**
   * Closes this end. PostgreSQL closes its own when the session is really over, and only then is the
   * connection gone (`closed`); until then it counts.
   */
  close(): void {
    this.state = 'closing';
    this.transport.resume();
    this.transport.end();
  }

  data(chunk: Buffer, chunkStart: number, chunkEnd: number): boolean {
    this.receivedBytes += chunkEnd - chunkStart;
    let buffer = chunk;
    let start = chunkStart;
    let end = chunkEnd;
    if (this.#partial !== undefined) {
      buffer = Buffer.concat([this.#partial, chunk.subarray(chunkStart, chunkEnd)]);
      this.#partial = undefined;
      start = 0;
      end = buffer.length;
    }
    this.#runFrom = start;
    const out = this.holder?.toClient;
    let isFree = true;
    try {
      const at = this.#scan(buffer, start, end, out);
      out?.run(buffer, this.#runFrom, at);
      if (at < end) this.#partial = Buffer.from(buffer.subarray(at, end));
      if (out !== undefined) isFree = out.flush();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      out?.flush();
      this.transport.destroy();
      return false;
    }
    this.#afterChunk(out);
    return isFree || buffer !== chunk;
  }

  drained(): void {
    this.holder?.serverIsWritable();
  }

  closed(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const holder = this.holder;
    this.holder = undefined;
    this.state = 'closing';
    // The pool counts the loss first, so that the client's error finds exact numbers.
    this.#owner.serverIsGone(this);
    holder?.serverIsGone(this.#wasTold, this.#bodyLeft > 0);
  }

  #afterChunk(out: OutBatch | undefined): void {
    if (out?.transport.isFull === true) this.transport.pause();
    const refused = this.#setupError;
    if (refused !== undefined) {
      this.#setupError = undefined;
      this.holder?.settingsWereRefused(refused);
    }
    if (this.#needsAttention) {
      this.#needsAttention = false;
      this.holder?.serverIsReady();
    }
    if (this.state === 'reset') this.continueReset();
    if (this.#isDying && this.state === 'idle') {
      // Nobody must get it in the moment before its end closes.
      this.transport.destroy();
      this.closed();
    }
  }

  /** Walks the messages of a chunk; returns where the first one begins that has to wait for more bytes. */
  #scan(buffer: Buffer, start: number, end: number, out: OutBatch | undefined): number {
    let at = start;
    if (this.#bodyLeft > 0) {
      at = Math.min(end, start + this.#bodyLeft);
      this.#bodyLeft -= at - start;
      if (this.#isHiding) this.#runFrom = at;
      if (this.#bodyLeft > 0) return at;
      if (this.replies.head >= firstLocalReply) this.#giveLocalReplies(buffer, at, out);
    }
    while (end - at >= 5) {
      const tag = buffer[at] ?? 0;
      const length =
        (((buffer[at + 1] ?? 0) << 24) |
          ((buffer[at + 2] ?? 0) << 16) |
          ((buffer[at + 3] ?? 0) << 8) |
          (buffer[at + 4] ?? 0)) >>>
        0;
      if (length < 4 || length > frameBytesMax) {
        throw new WireError(sqlstates.protocolViolation, `invalid message length ${length} from the server`);
      }
      const next = at + 1 + length;
      this.#isHiding = this.replies.head === replies.setup;
      if (tag !== serverTags.dataRow && tag !== serverTags.copyData) {
        if (next > end && isControl(tag) && length <= captureBytesMax) return at;
        // Longer control messages than the proxy keeps pass without a look.
        if (next <= end || !isControl(tag)) this.#note(tag, buffer, at + 5, Math.min(next, end));
      }
      if (this.#isHiding) {
        out?.run(buffer, this.#runFrom, at);
        this.#runFrom = Math.min(next, end);
        if (this.#replacement !== undefined) out?.bytes(this.#replacement);
        this.#replacement = undefined;
      }
      if (next > end) {
        this.#bodyLeft = next - end;
        return end;
      }
      at = next;
      if (this.replies.head >= firstLocalReply) this.#giveLocalReplies(buffer, at, out);
    }
    return at;
  }

  /** Keeps account of one message. May set `#isHiding` to keep it from the client. */
  #note(tag: number, buffer: Buffer, from: number, to: number): void {
    const head = this.replies.head;
    switch (tag) {
      case serverTags.readyForQuery:
        this.#noteReady(buffer[from]);
        break;
      case serverTags.parseComplete:
      case serverTags.closeComplete:
        this.#noteCompletion(tag === serverTags.parseComplete, head);
        break;
      case serverTags.bindComplete:
        this.#popExpected(head === replies.bind);
        break;
      case serverTags.rowDescription:
      case serverTags.noData:
        if (head === replies.describeStatement || head === replies.describePortal) this.replies.pop();
        break;
      case serverTags.commandComplete:
        if (isTelling(buffer, from)) this.#noteTag(buffer.toString('latin1', from, to - 1));
        if (head === replies.execute) this.replies.pop();
        this.isCopyingIn = false;
        break;
      case serverTags.emptyQueryResponse:
      case serverTags.portalSuspended:
        if (head === replies.execute) this.replies.pop();
        break;
      case serverTags.errorResponse:
        this.#noteError(buffer.subarray(from, to));
        break;
      case serverTags.parameterStatus:
        this.#noteParameter(buffer.subarray(from, to));
        break;
      case serverTags.copyInResponse:
        this.isCopyingIn = true;
        this.#needsAttention = true;
        if (head === replies.execute) this.replies.dropIgnoredSyncs();
        break;
      case serverTags.copyBothResponse:
        throw new WireError(sqlstates.featureNotSupported, 'replication does not pass through the proxy');
      default:
        break;
    }
  }

  #noteReady(letter: number | undefined): void {
    const head = this.replies.head;
    if (head === replies.none || head > replies.setup) {
      throw new WireError(sqlstates.protocolViolation, 'the server is ready although nothing was asked');
    }
    this.replies.pop();
    this.status = letter === 0x49 ? 'I' : letter === 0x54 ? 'T' : 'E';
    if (head !== replies.setup) {
      this.turns++;
      if (this.status === 'I') this.transactions++;
      if (this.pendingSetting !== undefined) this.#noteSetting(this.pendingSetting);
      this.cancelMessage = undefined;
    }
    this.isCopyingIn = false;
    this.#needsAttention = true;
  }

  #noteCompletion(isParse: boolean, head: number): void {
    this.#isHiding =
      head === replies.parseHidden || head === replies.parseUnnamedHidden || head === replies.closeHidden;
    const isExpected = isParse
      ? head === replies.parse ||
        head === replies.parseUnnamed ||
        head === replies.parseHidden ||
        head === replies.parseUnnamedHidden
      : head === replies.close || head === replies.closeHidden;
    this.#popExpected(isExpected);
  }

  #popExpected(isExpected: boolean): void {
    if (!isExpected) throw new WireError(sqlstates.protocolViolation, 'the server answered out of turn');
    this.replies.pop();
  }

  /** A lone SET took effect; everybody who gets this server later must know. */
  #noteSetting(change: SettingChange): void {
    this.pendingSetting = undefined;
    if (!this.#isSettingDone || this.status !== 'I') return;
    this.#isSettingDone = false;
    const { name, value } = change;
    const holder = this.holder;
    if (name !== undefined) this.profile = this.#profiles.withExtra(this.profile, name, value);
    if (holder?.profile === undefined) return;
    holder.profile = this.#profiles.afterChange(holder.profile, change, holder.startExtras);
  }

  /** DEALLOCATE ALL and DISCARD ALL make the server forget what the proxy prepared there. */
  #noteTag(tag: string): void {
    if (this.#isHiding) return;
    if (tag === 'SET' || tag === 'RESET') this.#isSettingDone = this.pendingSetting !== undefined;
    if (tag === 'LISTEN') this.holder?.stateWasMade('listen');
    if (tag === 'PREPARE') this.holder?.stateWasMade('prepare');
    if (tag === 'RESET' || tag === 'DISCARD ALL') this.#doubtExtras();
    if (tag === 'DISCARD ALL') this.#noteDiscard();
    if (tag !== 'DEALLOCATE ALL' && tag !== 'DISCARD ALL') return;
    // A simple query was recognised when it was sent, and everything after it was sent accordingly.
    if (this.replies.head === replies.queryForget) return;
    this.prepared.clear();
    this.holder?.statements.forgetAll();
  }

  #noteDiscard(): void {
    // An Execute is followed by its Sync; anything more may have made new state already.
    const isLast = this.replies.size <= (this.replies.head === replies.execute ? 2 : 1);
    const holder = this.holder;
    if (holder === undefined || !isLast) return;
    this.needsDiscard = false;
    holder.stateWasDiscarded();
  }

  /** After RESET it is unknown which unreported settings are left; the next lending sets each of them. */
  #doubtExtras(): void {
    if (this.profile.extras.size === 0) return;
    const unknown = new Map(Array.from(this.profile.extras.keys(), (name): [string, string] => [name, '\0']));
    this.profile = this.#profiles.intern(this.profile.reported, unknown);
  }

  #noteError(payload: Buffer): void {
    const head = this.replies.head;
    const fields = parseErrorFields(payload);
    const severity = fields.get('V') ?? fields.get('S');
    if (severity === 'FATAL' || severity === 'PANIC') {
      this.#wasTold = !this.#isHiding;
      this.#isDying = true;
      return;
    }
    this.isCopyingIn = false;
    this.pendingSetting = undefined;
    if (this.#isDiscarding) this.isSpent = true;
    if (this.#isReplaced(fields, head)) this.#replace(fields);
    else if (mentionsServerName(payload)) this.#translate(fields);
    if (head === replies.setup) {
      this.#setupError = fields;
      this.profile = this.#profileBefore;
    }
    if (head === replies.queryForget) this.isSpent = true;
    if (head > replies.setup) {
      this.isSkipping = !this.replies.skipToSync((kind, name) => this.#undo(kind, name));
      if (this.isSkipping) this.isBatchOpen = false;
    }
  }

  /** Gives an error the proxy itself caused its real reason. */
  #isReplaced(fields: Map<string, string>, head: number): boolean {
    const isCancel = this.cancelMessage !== undefined && fields.get('C') === sqlstates.queryCanceled;
    const isRefusal = head === replies.queryRefused || head === replies.parseRefused;
    if (!isCancel && !isRefusal) return false;
    if (isRefusal) fields.set('C', sqlstates.featureNotSupported).delete('P');
    fields.set('M', isRefusal ? this.refusal : (this.cancelMessage ?? ''));
    return true;
  }

  /** A client knows its statements by its own names, in errors too. */
  #translate(fields: Map<string, string>): void {
    const statements = this.holder?.statements;
    if (statements === undefined) return;
    for (const [letter, text] of fields) fields.set(letter, statements.inOwnNames(text));
    this.#replace(fields);
  }

  #replace(fields: ReadonlyMap<string, string>): void {
    if (this.#isHiding) return;
    this.#replacement = errorMessageOf(fields);
    this.#isHiding = true;
  }

  /** What the server skipped did not happen, neither there nor for the client. */
  #undo(kind: number, name: ParsedName | undefined): void {
    const statements = this.holder?.statements;
    if (kind === replies.parseUnnamed || kind === replies.parseUnnamedHidden) {
      this.unnamedOf = undefined;
      statements?.forgetUnnamed();
    }
    if (name === undefined) return;
    if (kind === replies.parse || kind === replies.parseHidden) this.prepared.remove(name.statement);
    if (kind === replies.closeHidden) this.prepared.add(name.statement);
    if (statements === undefined || name.name === undefined) return;
    if (kind === replies.parse || kind === replies.parseKnown) statements.forget(name.name);
    if (kind === replies.closeKnown) statements.cancelClose(name.name);
  }

  #noteParameter(payload: Buffer): void {
    const { name, value } = parseParameterStatus(payload);
    this.parameters.set(name, value);
    const known = reportedName(name);
    // Settings the proxy applies are in the profile already, in the spelling of the client that had them.
    if (known === undefined || this.#isHiding) return;
    this.profile = this.#profiles.with(this.profile, known, value);
    const holder = this.holder;
    if (holder?.profile !== undefined) holder.profile = this.#profiles.with(holder.profile, known, value);
  }

  /** Answers, in their turn, what never went to the server. */
  #giveLocalReplies(buffer: Buffer, at: number, out: OutBatch | undefined): void {
    out?.run(buffer, this.#runFrom, at);
    this.#runFrom = at;
    this.giveLocalReplies(out);
  }

  /** The same for replies whose turn came while nothing was on its way from the server. */
  giveLocalReplies(out: OutBatch | undefined): void {
    while (this.replies.head >= firstLocalReply) {
      const kind = this.replies.head;
      const name = this.replies.pop()?.name;
      if (kind === replies.parseKnown) {
        out?.bytes(parseComplete);
      } else if (kind === replies.closeKnown) {
        out?.bytes(closeComplete);
        if (name !== undefined) this.holder?.statements.finishClose(name);
      } else if (kind === replies.deallocateKnown) {
        out?.bytes(deallocateComplete);
        out?.bytes(encodeReadyForQuery(this.status));
        this.#needsAttention = true;
      }
    }
  }

  #sendSync(): void {
    this.isSkipping = false;
    this.replies.push(replies.sync);
    this.toServer.bytes(encodeSync());
  }
}
