import type { FileHandle } from 'node:fs/promises';
import { recordHeadBytes, segmentHeadBytes } from './segment-format.ts';

/** A record's head as a scan meets it. */
export interface RecordPlace {
  readonly position: number;
  /** Of the record's head in the segment file. */
  readonly offset: number;
  readonly receivedAtMs: number;
}

/** One entry per this many bytes: a lookup then reads at most this much to find its record. */
const spacingBytes = 64 * 1024;
const chunkBytes = 256 * 1024;

/**
 * Where records stand in one segment: a sparse list of places, in order, up to the frontier that scans have
 * reached. It is grown only below acknowledged ends, so nothing in it ever becomes wrong.
 */
export class SegmentOffsets {
  readonly #places: RecordPlace[] = [];
  /** The first record not scanned yet. */
  #frontier: { position: number; offset: number };
  /** Scans run one after another: two at once would enter the same places twice. */
  #last: Promise<void> = Promise.resolve();

  constructor(first: number) {
    this.#frontier = { position: first, offset: segmentHeadBytes };
  }

  /** Enters a record that a reader has just passed; of use only where the frontier stands. */
  note(place: RecordPlace, end: number): void {
    if (place.position !== this.#frontier.position) return;
    const last = this.#places.at(-1);
    if (last === undefined || place.offset - last.offset >= spacingBytes) this.#places.push(place);
    this.#frontier = { position: place.position + 1, offset: end };
  }

  /** Scans until the frontier is at `position`, or the file ends. */
  growTo(file: FileHandle, position: number): Promise<void> {
    if (this.#frontier.position >= position) return Promise.resolve();
    const next = this.#last.then(() => this.#scan(file, position));
    this.#last = next.catch(() => {});
    return next;
  }

  /** The nearest known place at or before a position that has been scanned. */
  before(position: number): { readonly position: number; readonly offset: number } {
    return this.#places[this.#countWhere((place) => place.position <= position) - 1] ?? this.#start();
  }

  /** The last known place whose record was received before a time. */
  receivedBefore(timeMs: number): { readonly position: number; readonly offset: number } {
    return this.#places[this.#countWhere((place) => place.receivedAtMs < timeMs) - 1] ?? this.#start();
  }

  #start(): { position: number; offset: number } {
    return this.#places[0] ?? this.#frontier;
  }

  /** How many places from the beginning satisfy a condition that holds for a prefix of the list. */
  #countWhere(holds: (place: RecordPlace) => boolean): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const place = this.#places[middle];
      if (place !== undefined && holds(place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Passes from head to head; payloads that reach beyond a chunk are not read at all. */
  async #scan(file: FileHandle, to: number): Promise<void> {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    while (this.#frontier.position < to) {
      const start = this.#frontier.offset;
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, start);
      if (bytesRead < recordHeadBytes) return;
      while (this.#frontier.position < to) {
        const { position, offset } = this.#frontier;
        const at = offset - start;
        if (at + recordHeadBytes > bytesRead) break;
        // Something else than the record expected: whoever reads it reports the damage with its place.
        if (chunk.readUIntLE(at + 8, 6) !== position) return;
        const end = offset + recordHeadBytes + chunk.readUInt32LE(at);
        this.note({ position, offset, receivedAtMs: chunk.readUIntLE(at + 16, 6) }, end);
      }
    }
  }
}
