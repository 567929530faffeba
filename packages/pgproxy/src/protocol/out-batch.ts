import type { Transport } from '../transport/transport.ts';

const scratchBytes = 32 * 1024;
const sparesMax = 16;
/** Scratch buffers between uses; more than a few are in use only while grants nest. */
const spares: Buffer[] = [];

/**
 * Collects what one turn sends to one peer, so that it leaves in as few writes as possible. Runs of unchanged
 * bytes stay where they were read until `flush`; only when something was inserted are they copied together.
 * A batch must be flushed before the memory of its runs is reused.
 */
export class OutBatch {
  transport: Transport;
  #source: Buffer | undefined;
  #from = 0;
  #to = 0;
  #scratch: Buffer | undefined;
  #used = 0;
  #isSourceFree = true;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** Adds `buffer[from, to)` unchanged. */
  run(buffer: Buffer, from: number, to: number): void {
    if (from >= to) return;
    if (this.#scratch !== undefined) {
      if (to - from <= scratchBytes - this.#used) {
        this.#used += buffer.copy(this.#scratch, this.#used, from, to);
        return;
      }
      this.#writeScratch();
    }
    if (this.#source === buffer && this.#to === from) {
      this.#to = to;
      return;
    }
    if (this.#source !== undefined) {
      // A second, separate run: joining small ones costs less than another system call.
      const isSmall = this.#to - this.#from + (to - from) <= scratchBytes;
      if (isSmall) {
        this.#fold();
        this.run(buffer, from, to);
        return;
      }
      this.#writeSource();
    }
    this.#source = buffer;
    this.#from = from;
    this.#to = to;
  }

  /** Adds a message or a part of one that the proxy made. */
  bytes(piece: Buffer): void {
    const scratch = this.#scratchFor(piece.length);
    if (scratch === undefined) {
      this.run(piece, 0, piece.length);
      return;
    }
    this.#used += piece.copy(scratch, this.#used);
  }

  /** Adds the letter and the length of a message whose body follows. */
  header(tag: number, length: number): void {
    const scratch = this.#scratchFor(5);
    if (scratch === undefined) return;
    let at = this.#used;
    scratch[at++] = tag;
    scratch[at++] = length >>> 24;
    scratch[at++] = length >>> 16;
    scratch[at++] = length >>> 8;
    scratch[at++] = length;
    this.#used = at;
  }

  /** Sends everything. Returns true when the memory of all runs may be reused. */
  flush(): boolean {
    if (this.#scratch !== undefined) this.#writeScratch();
    if (this.#source !== undefined) this.#writeSource();
    const isFree = this.#isSourceFree;
    this.#isSourceFree = true;
    return isFree;
  }

  /** Scratch memory with room for `length` bytes, holding everything added before. */
  #scratchFor(length: number): Buffer | undefined {
    if (this.#source !== undefined) {
      if (this.#to - this.#from <= scratchBytes / 2) this.#fold();
      else this.#writeSource();
    }
    if (this.#scratch !== undefined && length > scratchBytes - this.#used) this.#writeScratch();
    if (length > scratchBytes) return undefined;
    this.#scratch ??= spares.pop() ?? Buffer.allocUnsafeSlow(scratchBytes);
    return this.#scratch;
  }

  #fold(): void {
    const source = this.#source;
    if (source === undefined) return;
    this.#source = undefined;
    this.#scratch ??= spares.pop() ?? Buffer.allocUnsafeSlow(scratchBytes);
    this.#used += source.copy(this.#scratch, this.#used, this.#from, this.#to);
  }

  #writeSource(): void {
    const source = this.#source;
    this.#source = undefined;
    if (source !== undefined && !this.transport.write(source, this.#from, this.#to))
      this.#isSourceFree = false;
  }

  #writeScratch(): void {
    const scratch = this.#scratch;
    const used = this.#used;
    this.#scratch = undefined;
    this.#used = 0;
    if (scratch === undefined) return;
    const isFree = used === 0 || this.transport.write(scratch, 0, used);
    if (isFree && spares.length < sparesMax) spares.push(scratch);
  }
}
