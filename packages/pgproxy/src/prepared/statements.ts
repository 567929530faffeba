import { clientTags } from '@sampan/pg-wire';
import { type SessionEffect, sessionEffectOf } from '../client/session-state.ts';

/** Names on the server begin like this; a client's own name never does (see `isReservedName`). */
const namePrefix = 'sampan_';
const serverName = new RegExp(`${namePrefix}\\d+`, 'g');

/** One statement text with its parameter types, whoever prepared it. */
export interface Statement {
  readonly key: string;
  /** Its name on every server, with the closing zero. */
  readonly nameBytes: Buffer;
  /** The Parse message that makes it known to a server. */
  readonly parse: Buffer;
  /** The Close message that makes a server forget it. */
  readonly close: Buffer;
  /** What running it leaves in its session. */
  readonly effect: SessionEffect | undefined;
  /** Clients that have a name for it. */
  clients: number;
}

/** A client's name for a statement, as a reply in flight remembers it. */
export interface ParsedName {
  /** `undefined` for statements the proxy prepared on its own. */
  readonly name: string | undefined;
  readonly statement: Statement;
}

/** Whether a client's name could be mistaken for one of the proxy's. */
export function isReservedName(name: string): boolean {
  return name.startsWith(namePrefix);
}

/**
 * All statement texts in use. Statements that no client names any more are kept, up to `unusedMax`, because
 * the next client usually prepares the same text; the longest unused go first.
 */
export class StatementRegistry {
  readonly #byKey = new Map<string, Statement>();
  readonly #unused = new Map<string, Statement>();
  readonly #unusedMax: number;
  #count = 0;

  constructor(unusedMax: number) {
    this.#unusedMax = unusedMax;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The statement of a Parse message's text and types (everything after the name). */
  use(body: Buffer): Statement {
    const key = body.toString('latin1');
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      if (known.clients++ === 0) this.#unused.delete(key);
      return known;
    }
    const nameBytes = Buffer.from(`${namePrefix}${++this.#count}\0`, 'latin1');
    const statement: Statement = {
      key,
      nameBytes,
      parse: messageOf(clientTags.parse, nameBytes, body),
      close: messageOf(clientTags.close, Buffer.from('S'), nameBytes),
      effect: sessionEffectOf(body, 0, body.length),
      clients: 1,
    };
    this.#byKey.set(key, statement);
    return statement;
  }

  release(statement: Statement): void {
    if (--statement.clients > 0) return;
    if (this.#byKey.get(statement.key) !== statement) return;
    this.#unused.set(statement.key, statement);
    if (this.#unused.size <= this.#unusedMax) return;
    for (const key of this.#unused.keys()) {
      this.#unused.delete(key);
      this.#byKey.delete(key);
      return;
    }
  }
}

/** A longer unnamed statement is not remembered beyond its transaction. */
const unnamedBytesMax = 16 * 1024;

/** Names no longer in use that an error may still mention. */
const formerNamesMax = 64;

/** One client's names. */
export class ClientStatements {
  readonly #registry: StatementRegistry;
  readonly #byName = new Map<string, Statement>();
  /**
   * Names whose Close was sent on but not answered. They stay usable: if an earlier error makes the server skip
   * the Close, what the client sent after it still refers to them.
   */
  readonly #closing = new Set<string>();
  readonly #former = new Map<Statement, string>();

  #unnamedMemory = Buffer.alloc(0);
  #unnamedBytes = 0;

  constructor(registry: StatementRegistry) {
    this.#registry = registry;
  }

  /** The last unnamed Parse message: some drivers use it in a later transaction, on another server. */
  get unnamed(): Buffer | undefined {
    return this.#unnamedBytes === 0 ? undefined : this.#unnamedMemory.subarray(0, this.#unnamedBytes);
  }

  /** Remembers the Parse message `buffer[start, end)`. */
  defineUnnamed(buffer: Buffer, start: number, end: number): void {
    this.#unnamedBytes = 0;
    if (end - start > unnamedBytesMax) return;
    if (end - start > this.#unnamedMemory.length) this.#unnamedMemory = Buffer.allocUnsafeSlow(end - start);
    this.#unnamedBytes = buffer.copy(this.#unnamedMemory, 0, start, end);
  }

  forgetUnnamed(): void {
    this.#unnamedBytes = 0;
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): Statement | undefined {
    return this.#byName.get(name);
  }

  /** Whether a Parse of this name is an error. */
  isTaken(name: string): boolean {
    return this.#byName.has(name) && !this.#closing.has(name);
  }

  /** Names the statement of a Parse body. */
  define(name: string, body: Buffer): Statement {
    const statement = this.#registry.use(body);
    this.forget(name);
    this.#byName.set(name, statement);
    return statement;
  }

  /** A Close was sent; `finishClose` or `cancelClose` follows. */
  beginClose(name: string): Statement | undefined {
    const statement = this.#byName.get(name);
    if (statement !== undefined) this.#closing.add(name);
    return statement;
  }

  finishClose(name: string): void {
    if (this.#closing.has(name)) this.forget(name);
  }

  cancelClose(name: string): void {
    this.#closing.delete(name);
  }

  forget(name: string): Statement | undefined {
    const statement = this.#byName.get(name);
    this.#closing.delete(name);
    if (statement === undefined) return undefined;
    this.#byName.delete(name);
    this.#registry.release(statement);
    if (this.#former.size >= formerNamesMax) this.#former.clear();
    this.#former.set(statement, name);
    return statement;
  }

  forgetAll(): void {
    for (const statement of this.#byName.values()) this.#registry.release(statement);
    this.#byName.clear();
    this.#closing.clear();
    this.#former.clear();
  }

  /** `text` with the names that statements have on servers replaced by this client's own. */
  inOwnNames(text: string): string {
    if (!text.includes(namePrefix)) return text;
    return text.replace(serverName, (whole) => this.#ownName(whole) ?? whole);
  }

  #ownName(onServer: string): string | undefined {
    const isIt = (statement: Statement): boolean =>
      statement.nameBytes.toString('latin1', 0, statement.nameBytes.length - 1) === onServer;
    for (const [name, statement] of this.#byName) if (isIt(statement)) return fromWire(name);
    for (const [statement, name] of this.#former) if (isIt(statement)) return fromWire(name);
    return undefined;
  }
}

/** Names are kept as the bytes the protocol carries; errors are text. */
function fromWire(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

/** What one server has prepared, with the turn of its last use. */
export class ServerStatements {
  readonly #lastUse = new Map<Statement, number>();
  #turn = 0;

  get size(): number {
    return this.#lastUse.size;
  }

  /** Notes a use; false when the server lacks the statement. */
  touch(statement: Statement): boolean {
    if (!this.#lastUse.has(statement)) return false;
    this.#lastUse.set(statement, ++this.#turn);
    return true;
  }

  add(statement: Statement): void {
    this.#lastUse.set(statement, ++this.#turn);
  }

  remove(statement: Statement): void {
    this.#lastUse.delete(statement);
  }

  clear(): void {
    this.#lastUse.clear();
  }

  /** The statement unused for longest, or `undefined` while there are fewer than `max`. */
  toEvict(max: number): Statement | undefined {
    if (this.#lastUse.size < max) return undefined;
    let oldest: Statement | undefined;
    let oldestTurn = Number.POSITIVE_INFINITY;
    for (const [statement, turn] of this.#lastUse) {
      if (turn < oldestTurn) {
        oldest = statement;
        oldestTurn = turn;
      }
    }
    return oldest;
  }
}

/** Whether an error mentions a statement by its name on the server. */
export function mentionsServerName(bytes: Buffer): boolean {
  return bytes.includes(namePrefix);
}

function messageOf(tag: number, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(5);
  head[0] = tag;
  head.writeUInt32BE(4 + parts.reduce((sum, part) => sum + part.length, 0), 1);
  return Buffer.concat([head, ...parts]);
}
