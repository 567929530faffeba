import type { ParsedName } from '../prepared/statements.ts';

/**
 * What a server still owes, by the request that asked for it. The order of the numbers matters: up to
 * `setup` a ReadyForQuery ends the reply; from `parseKnown` on no server message belongs to it at all.
 */
export const replies = {
  none: 0,
  query: 1,
  /** A simple query that forgets all prepared statements (DEALLOCATE ALL, DISCARD ALL). */
  queryForget: 2,
  /** A query that fails on purpose in place of one the proxy does not let through. */
  queryRefused: 3,
  functionCall: 4,
  sync: 5,
  /** Settings applied by the proxy: the client sees nothing of the reply. */
  setup: 6,
  parse: 7,
  parseUnnamed: 8,
  /** A Parse the client did not send. */
  parseHidden: 9,
  /** A Parse that fails on purpose in place of one the proxy does not let through. */
  parseRefused: 10,
  bind: 11,
  describeStatement: 12,
  describePortal: 13,
  execute: 14,
  close: 15,
  /** A Close the client did not send. */
  closeHidden: 16,
  /** The client's last unnamed Parse, repeated on a server that did not see it. */
  parseUnnamedHidden: 17,
  /** A Parse the server did not get, because it has the statement. */
  parseKnown: 18,
  /** A Close the server did not get, because others use the statement. */
  closeKnown: 19,
  /** The end of the data a client copies in; nothing answers it. */
  copyEnd: 20,
  /** DEALLOCATE of one client's name for a statement that stays prepared. */
  deallocateKnown: 21,
} as const;

export const firstLocalReply = replies.parseKnown;
const lastReadyReply = replies.setup;

/** Replies that undo something when the server never gives them. */
const hasName = (kind: number): boolean =>
  kind === replies.parse ||
  kind === replies.parseHidden ||
  kind === replies.parseKnown ||
  kind === replies.closeKnown ||
  kind === replies.closeHidden;

/** A ring of kinds, and beside it the statements of those that name one. */
export class ReplyQueue {
  size = 0;
  #kinds = new Uint8Array(32);
  #head = 0;
  #names: ParsedName[] = [];
  #namesHead = 0;

  /** The kind that is answered next, `replies.none` when nothing is owed. */
  get head(): number {
    return this.size === 0 ? replies.none : (this.#kinds[this.#head] ?? replies.none);
  }

  push(kind: number): void {
    if (this.size === this.#kinds.length) this.#grow();
    this.#kinds[(this.#head + this.size) & (this.#kinds.length - 1)] = kind;
    this.size++;
  }

  pushNamed(kind: number, name: ParsedName): void {
    this.push(kind);
    this.#names.push(name);
  }

  /** Takes the head off; returns the statement it names. */
  pop(): ParsedName | undefined {
    const kind = this.head;
    if (this.size === 0) return undefined;
    this.#head = (this.#head + 1) & (this.#kinds.length - 1);
    this.size--;
    if (!hasName(kind)) return undefined;
    const name = this.#names[this.#namesHead++];
    if (this.#namesHead === this.#names.length) {
      this.#names.length = 0;
      this.#namesHead = 0;
    }
    return name;
  }

  /**
   * Drops what the server skips after an error: everything up to the next Sync, which stays. `undo` hears of
   * each, newest first. Returns false when no Sync is owed yet.
   */
  skipToSync(undo: (kind: number, name: ParsedName | undefined) => void): boolean {
    const dropped: [number, ParsedName | undefined][] = [];
    while (this.size > 0 && this.head > lastReadyReply) dropped.push([this.head, this.pop()]);
    for (const [kind, name] of dropped.reverse()) undo(kind, name);
    return this.size > 0;
  }

  /** Removes the Syncs a server ignores because it takes COPY data; up to the end of that data. */
  dropIgnoredSyncs(): void {
    const mask = this.#kinds.length - 1;
    let kept = 1;
    let isCopying = true;
    for (let n = 1; n < this.size; n++) {
      const kind = this.#kinds[(this.#head + n) & mask] ?? replies.none;
      if (kind === replies.copyEnd) isCopying = false;
      if (isCopying && kind === replies.sync) continue;
      this.#kinds[(this.#head + kept) & mask] = kind;
      kept++;
    }
    this.size = Math.min(this.size, kept);
  }

  /** Whether the end of COPY data is among what was sent. */
  hasCopyEnd(): boolean {
    const mask = this.#kinds.length - 1;
    for (let n = 0; n < this.size; n++) {
      if (this.#kinds[(this.#head + n) & mask] === replies.copyEnd) return true;
    }
    return false;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#kinds.length * 2);
    for (let n = 0; n < this.size; n++) {
      grown[n] = this.#kinds[(this.#head + n) & (this.#kinds.length - 1)] ?? 0;
    }
    this.#kinds = grown;
    this.#head = 0;
  }
}
