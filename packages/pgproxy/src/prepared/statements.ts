import { clientTags } from '@sampan/pg-wire';

/** Names on the server begin like this; a client's own name never does (see `isReservedName`). */
const namePrefix = 'sampan_';

/** One statement text with its parameter types, whoever prepared it. */
export interface Statement {
  readonly key: string;
  /** Its name on every server, with the closing zero. */
  readonly nameBytes: Buffer;
  /** The Parse message that makes it known to a server. */
  readonly parse: Buffer;
  /** The Close message that makes a server forget it. */
  readonly close: Buffer;
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
      clients: 1,
    };
    this.#byKey.set(key, statement);
    return statement;
  }

  /** One more client name for a statement already in use. */
  share(statement: Statement): void {
    if (statement.clients++ === 0) this.#unused.delete(statement.key);
    // It may have been dropped meanwhile; a statement with a client is always findable.
    if (!this.#byKey.has(statement.key)) this.#byKey.set(statement.key, statement);
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

/** One client's names. */
export class ClientStatements {
  readonly #registry: StatementRegistry;
  readonly #byName = new Map<string, Statement>();

  constructor(registry: StatementRegistry) {
    this.#registry = registry;
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): Statement | undefined {
    return this.#byName.get(name);
  }

  /** Names the statement of a Parse body. */
  define(name: string, body: Buffer): Statement {
    const statement = this.#registry.use(body);
    this.#byName.set(name, statement);
    return statement;
  }

  /** Takes back a Close that the server never saw. */
  restore(name: string, statement: Statement): void {
    if (this.#byName.has(name)) return;
    this.#registry.share(statement);
    this.#byName.set(name, statement);
  }

  forget(name: string): Statement | undefined {
    const statement = this.#byName.get(name);
    if (statement === undefined) return undefined;
    this.#byName.delete(name);
    this.#registry.release(statement);
    return statement;
  }

  forgetAll(): void {
    for (const statement of this.#byName.values()) this.#registry.release(statement);
    this.#byName.clear();
  }
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

function messageOf(tag: number, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(5);
  head[0] = tag;
  head.writeUInt32BE(4 + parts.reduce((sum, part) => sum + part.length, 0), 1);
  return Buffer.concat([head, ...parts]);
}
