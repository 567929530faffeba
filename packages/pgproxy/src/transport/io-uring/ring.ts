import { type Address, type Kernel, systemError } from './kernel.ts';

export const operations = { accept: 13, cancel: 14, connect: 16, send: 26, receive: 27 } as const;

const entries = 1024;
const completionEntries = 8192;
const receiveBuffers = 256;
/** Memory of one receive; also of one send. */
export const pieceBytes = 32 * 1024;
const bufferGroup = 0;

// Names of `struct io_uring_params` and `io_uring.h`, Linux 6.0 and later.
const setupFlags =
  (1 << 3) | // CQSIZE
  (1 << 7) | // SUBMIT_ALL
  (1 << 9) | // TASKRUN_FLAG
  (1 << 12) | // SINGLE_ISSUER
  (1 << 13); // DEFER_TASKRUN: completions are made when this thread enters the kernel, all at once
const featureSingleMap = 1;
const ringOffset = 0;
const entriesOffset = 0x1000_0000;
const enterGetEvents = 1;
const registerEventfd = 4;
const registerBufferRing = 22;
const flagTaskRun = 4;
const flagOverflow = 2;
const flagEventfdDisabled = 1;
const bufferSelect = 1 << 5;

const wordValues = 0x1_0000_0000;
const high = (address: Address): number => Math.floor(address / wordValues);

/** What may be asked in one submission; fields that an operation does not use are zero. */
export interface Submission {
  readonly operation: number;
  readonly file: number;
  readonly token: number;
  readonly address?: Address;
  readonly length?: number;
  /** Second address or offset. */
  readonly offset?: number;
  readonly operationFlags?: number;
  readonly priority?: number;
}

/**
 * The two queues shared with the kernel and the buffers into which it receives. Nothing here waits: the kernel
 * signals `eventfd` when there is something to fetch.
 *
 * Written by this process: tail of the submissions, head of the completions, tail of the buffers.
 */
export class Ring {
  readonly eventfd: number;
  readonly #kernel: Kernel;
  readonly #file: number;
  readonly #maps: { readonly address: Address; readonly bytes: number }[] = [];
  /** The queues' counters and the completions, by 32-bit words. */
  readonly #words: Uint32Array;
  readonly #submissions: Uint32Array;
  readonly #at: {
    readonly submitHead: number;
    readonly submitTail: number;
    readonly submitMask: number;
    readonly submitFlags: number;
    readonly completeHead: number;
    readonly completeTail: number;
    readonly completeMask: number;
    readonly completeFlags: number;
    readonly completions: number;
  };
  /** Submissions written and not yet given to the kernel. */
  #unsubmitted = 0;
  readonly #buffers: Buffer[] = [];
  readonly #bufferRing: DataView;
  #bufferTail = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const params = Buffer.alloc(120);
    params.writeUInt32LE(completionEntries, 4);
    params.writeUInt32LE(setupFlags, 8);
    this.#file = kernel.ringSetup(entries, params);
    if (this.#file < 0) throw systemError(this.#file, 'io_uring_setup');
    this.eventfd = kernel.eventfd();
    try {
      if ((params.readUInt32LE(20) & featureSingleMap) === 0) throw new Error('the kernel is too old');
      const word = (at: number): number => params.readUInt32LE(at) / 4;
      const ringBytes = Math.max(
        params.readUInt32LE(64) + params.readUInt32LE(0) * 4,
        params.readUInt32LE(100) + params.readUInt32LE(4) * 16,
      );
      this.#words = new Uint32Array(this.#map(ringBytes, this.#file, ringOffset));
      this.#submissions = new Uint32Array(this.#map(entries * 64, this.#file, entriesOffset));
      this.#at = {
        submitHead: word(40),
        submitTail: word(44),
        submitMask: (this.#words[word(48)] ?? 0) >>> 0,
        submitFlags: word(56),
        completeHead: word(80),
        completeTail: word(84),
        completeMask: (this.#words[word(88)] ?? 0) >>> 0,
        completions: word(100),
        completeFlags: word(104),
      };
      // Submissions are used in the order of their places.
      for (let n = 0; n < entries; n++) this.#words[word(64) + n] = n;
      this.#bufferRing = this.#provideBuffers();
      this.#register(registerEventfd, int32(this.eventfd), 1);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether the kernel has something that no call has fetched. */
  get hasNews(): boolean {
    const words = this.#words;
    const at = this.#at;
    if (Atomics.load(words, at.completeTail) !== words[at.completeHead]) return true;
    return (Atomics.load(words, at.submitFlags) & (flagTaskRun | flagOverflow)) !== 0;
  }

  get hasSubmissions(): boolean {
    return this.#unsubmitted > 0;
  }

  /** While nobody sleeps no signal is needed. */
  setSignals(isOn: boolean): void {
    Atomics.store(this.#words, this.#at.completeFlags, isOn ? 0 : flagEventfdDisabled);
  }

  submit(what: Submission): void {
    const { submitTail, submitMask } = this.#at;
    if (this.#unsubmitted === entries) this.enter();
    const words = this.#words;
    const tail = words[submitTail] ?? 0;
    const at = (tail & submitMask) * 16;
    const address = what.address ?? 0;
    const offset = what.offset ?? 0;
    const entry = this.#submissions;
    const flags = what.operation === operations.receive ? bufferSelect : 0;
    entry[at] = what.operation | (flags << 8) | ((what.priority ?? 0) << 16);
    entry[at + 1] = what.file;
    entry[at + 2] = offset >>> 0;
    entry[at + 3] = high(offset);
    entry[at + 4] = address >>> 0;
    entry[at + 5] = high(address);
    entry[at + 6] = what.length ?? 0;
    entry[at + 7] = what.operationFlags ?? 0;
    // The words behind it are zero from the beginning.
    entry[at + 8] = what.token;
    Atomics.store(words, submitTail, tail + 1);
    this.#unsubmitted++;
  }

  /** Gives submissions to the kernel and lets it make completions. */
  enter(): void {
    const taken = this.#kernel.ringEnter(this.#file, this.#unsubmitted, enterGetEvents);
    // A kernel that has no memory now takes the rest the next time.
    if (taken > 0) this.#unsubmitted -= taken;
  }

  /** Hands every completion that is there to `take`, which may submit. Returns how many there were. */
  drain(take: (token: number, result: number, flags: number) => void): number {
    const words = this.#words;
    const { completeHead, completeTail, completeMask, completions } = this.#at;
    let count = 0;
    let head = words[completeHead] ?? 0;
    for (let tail = Atomics.load(words, completeTail); head !== tail; ) {
      const at = completions + (head & completeMask) * 4;
      const token = words[at] ?? 0;
      const result = (words[at + 2] ?? 0) | 0;
      const flags = words[at + 3] ?? 0;
      head = (head + 1) >>> 0;
      Atomics.store(words, completeHead, head);
      count++;
      take(token, result, flags);
      if (head === tail) tail = Atomics.load(words, completeTail);
    }
    return count;
  }

  /** The memory of a receive. */
  received(id: number): Buffer {
    return this.#buffers[id] ?? Buffer.alloc(0);
  }

  /** Gives the memory of a receive back; if somebody refers to it, other memory takes its place. */
  giveBack(id: number, isFree: boolean): void {
    if (!isFree) this.#buffers[id] = Buffer.allocUnsafeSlow(pieceBytes);
    this.#offer(id, isFree);
  }

  addressOf(memory: Uint8Array): Address {
    return this.#kernel.addressOf(memory);
  }

  close(): void {
    this.#kernel.close(this.#file);
    this.#kernel.close(this.eventfd);
    for (const { address, bytes } of this.#maps) this.#kernel.unmap(address, bytes);
    this.#maps.length = 0;
  }

  #map(bytes: number, file: number, offset: number): ArrayBuffer {
    const address = this.#kernel.map(bytes, file, offset);
    this.#maps.push({ address, bytes });
    return this.#kernel.view(address, bytes);
  }

  #register(operation: number, argument: Uint8Array, count: number): void {
    const result = this.#kernel.ringRegister(this.#file, operation, argument, count);
    if (result < 0) throw systemError(result, 'io_uring_register');
  }

  #provideBuffers(): DataView {
    const view = new DataView(this.#map(receiveBuffers * 16, -1, 0));
    const registration = Buffer.alloc(40);
    registration.writeBigUInt64LE(BigInt(this.#maps.at(-1)?.address ?? 0), 0);
    registration.writeUInt32LE(receiveBuffers, 8);
    registration.writeUInt16LE(bufferGroup, 12);
    this.#register(registerBufferRing, registration, 1);
    return view;
  }

  /** Called once the ring is in use: lends every buffer to the kernel. */
  offerAll(): void {
    for (let id = 0; id < receiveBuffers; id++) {
      this.#buffers.push(Buffer.allocUnsafeSlow(pieceBytes));
      this.#addresses.push(0);
      this.#offer(id, false);
    }
  }

  readonly #addresses: Address[] = [];

  #offer(id: number, isKnown: boolean): void {
    if (!isKnown) this.#addresses[id] = this.addressOf(this.received(id));
    const address = this.#addresses[id] ?? 0;
    const at = (this.#bufferTail & (receiveBuffers - 1)) * 16;
    const ring = this.#bufferRing;
    ring.setUint32(at, address >>> 0, true);
    ring.setUint32(at + 4, high(address), true);
    ring.setUint32(at + 8, pieceBytes, true);
    ring.setUint16(at + 12, id, true);
    this.#bufferTail = (this.#bufferTail + 1) & 0xffff;
    // The tail shares its word with nothing the kernel writes: it is the reserved field of the first entry.
    ring.setUint16(14, this.#bufferTail, true);
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
