import { lookup } from 'node:dns';
import { isIP, Socket } from 'node:net';
import type { Connect, Transports } from '../transport.ts';
import { encodeAddress, type Kernel, loadKernel, systemError } from './kernel.ts';
import { operations, pieceBytes, Ring } from './ring.ts';
import { type Piece, RingTransport } from './ring-transport.ts';

const kinds = { accept: 0, receive: 1, send: 2, connect: 3, ignored: 4 } as const;
const kindBits = 3;
const kindCount = 8;
const sparePieces = 256;
/** Rounds of one turn before others get theirs. */
const roundsMax = 16;
const acceptMultishot = 1;
const receiveMultishot = 2;
/** MSG_NOSIGNAL, and MSG_WAITALL: the kernel goes on by itself after a partial send. */
const sendFlags = 0x4000 | 0x100;
const flagBuffer = 1;
const canceled = -125;
const noBuffers = -105;
const listenBacklog = 4096;
const acceptAgainMs = 100;
const shutdownBoth = 2;

interface Listener {
  readonly file: number;
  readonly index: number;
  readonly host: string;
  readonly port: number;
  readonly options: Parameters<Transports['listen']>[0];
  isStopped: boolean;
}

/**
 * TCP over io_uring in Node's own loop. The ring signals an eventfd, which stands in for a pipe that Node reads;
 * a turn then fetches what happened, lets the sinks act, and gives everything they ask for to the kernel in one
 * system call, however many connections are involved.
 */
export class RingEngine implements Transports {
  readonly name = 'io_uring';
  readonly #kernel: Kernel;
  readonly #ring: Ring;
  readonly #signal: Socket;
  readonly #table: (RingTransport | Listener | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #pieces: Piece[] = [];
  #queued: RingTransport[] = [];
  #working: RingTransport[] = [];
  #isInTurn = false;
  #isScheduled = false;
  #isStopping = false;
  #isClosed = false;
  /** Addresses to connect to, until the kernel has read them. */
  readonly #addresses = new Map<number, Buffer>();
  readonly #turn = (): void => this.#run();
  readonly #take = (token: number, result: number, flags: number): void =>
    this.#dispatch(token, result, flags);

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#ring = new Ring(kernel);
    this.#ring.offerAll();
    this.#signal = this.#watch();
  }

  readonly listen: Transports['listen'] = async (options) => {
    const host = await resolveHost(options.host);
    const { family, bytes } = encodeAddress(host, options.port);
    const kernel = this.#kernel;
    const file = kernel.socket(family);
    if (file < 0) throw systemError(file, 'socket');
    setTcpOptions(kernel, file);
    kernel.setOption(file, 1, 2, 1);
    for (const [call, result] of [
      ['bind', () => kernel.bind(file, bytes)],
      ['listen', () => kernel.listen(file, listenBacklog)],
    ] as const) {
      const code = result();
      if (code >= 0) continue;
      kernel.close(file);
      throw systemError(code, call, `${host}:${options.port}`);
    }
    const index = this.#place();
    const { port } = kernel.endpoint(file, 'local');
    const listener: Listener = { file, index, host, port, options, isStopped: false };
    this.#table[index] = listener;
    this.#accept(listener);
    return { port, stop: () => this.#stopListener(listener) };
  };

  readonly connect: Connect = (options) => {
    const index = this.#place();
    const transport = new RingTransport(this, index, options.sink);
    this.#table[index] = transport;
    const fail = (error: Error): void => {
      if (!transport.isDestroyed) options.failed(error);
      transport.destroy();
    };
    const begin = (host: string): void => {
      if (transport.isDestroyed) return;
      const { family, bytes } = encodeAddress(host, options.port);
      const file = this.#kernel.socket(family);
      if (file < 0) {
        fail(systemError(file, 'socket'));
        return;
      }
      setTcpOptions(this.#kernel, file);
      transport.connecting(file);
      this.#connects.set(index, (result) => {
        if (!transport.connected()) return;
        if (result < 0) {
          fail(systemError(result, 'connect', `${host}:${options.port}`));
          return;
        }
        this.#name(transport, file);
        transport.start(file);
        options.connected(transport);
      });
      this.#addresses.set(index, bytes);
      this.#ring.submit({
        operation: operations.connect,
        file,
        token: this.#token(index, kinds.connect),
        address: this.#ring.addressOf(bytes),
        offset: bytes.length,
      });
      this.#schedule();
    };
    if (isIP(options.host) !== 0) begin(options.host);
    else {
      lookup(options.host, (error, address) => {
        if (error === null) begin(address);
        else fail(error);
      });
    }
    return transport;
  };

  readonly #connects = new Map<number, (result: number) => void>();

  stop(): void {
    this.#isStopping = true;
    for (const one of this.#table) {
      if (one instanceof RingTransport) one.destroy();
      else if (one !== undefined) this.#stopListener(one);
    }
    this.#schedule();
  }

  /** Notes that `transport` has work at the end of the turn. */
  queue(transport: RingTransport): void {
    transport.isQueued = true;
    this.#queued.push(transport);
    this.#schedule();
  }

  takePiece(): Piece {
    const spare = this.#pieces.pop();
    if (spare !== undefined) return spare;
    const memory = Buffer.allocUnsafeSlow(pieceBytes);
    return { memory, address: this.#ring.addressOf(memory) };
  }

  returnPiece(piece: Piece): void {
    if (this.#pieces.length < sparePieces) this.#pieces.push(piece);
  }

  receive(transport: RingTransport): void {
    this.#ring.submit({
      operation: operations.receive,
      file: transport.file,
      token: this.#token(transport.index, kinds.receive),
      priority: receiveMultishot,
    });
  }

  cancelReceive(transport: RingTransport): void {
    this.#ring.submit({
      operation: operations.cancel,
      file: -1,
      token: kinds.ignored,
      address: this.#token(transport.index, kinds.receive),
    });
  }

  send(transport: RingTransport, address: number, length: number): void {
    this.#ring.submit({
      operation: operations.send,
      file: transport.file,
      token: this.#token(transport.index, kinds.send),
      address,
      length,
      operationFlags: sendFlags,
    });
  }

  shutdown(file: number, how: number): void {
    this.#kernel.shutdown(file, how);
  }

  memoryOf(piece: number): Buffer {
    return this.#ring.received(piece);
  }

  giveBack(piece: number, isFree: boolean): void {
    this.#ring.giveBack(piece, isFree);
  }

  /** The kernel is done with `transport`: its descriptor and its place may be used again. */
  forget(transport: RingTransport): void {
    if (transport.file !== -1) this.#kernel.close(transport.file);
    this.#addresses.delete(transport.index);
    this.#connects.delete(transport.index);
    this.#release(transport.index);
  }

  #token(index: number, kind: number): number {
    return index * kindCount + kind;
  }

  #place(): number {
    return this.#free.pop() ?? this.#table.push(undefined) - 1;
  }

  #release(index: number): void {
    this.#table[index] = undefined;
    this.#free.push(index);
  }

  /**
   * Node has no way to wait for a descriptor of an unknown kind. A socket of a pair is one it knows; the eventfd
   * takes its number before Node first waits for it, and is read like it: eight bytes whenever it was signalled.
   */
  #watch(): Socket {
    const [shown, other] = this.#kernel.socketPair();
    const socket = new Socket({
      fd: shown,
      readable: true,
      writable: false,
      onread: {
        buffer: Buffer.alloc(8),
        callback: () => {
          this.#run();
          return true;
        },
      },
    } as ConstructorParameters<typeof Socket>[0]);
    this.#kernel.duplicateOnto(this.#ring.eventfd, shown);
    this.#kernel.close(other);
    socket.on('error', () => socket.destroy());
    return socket;
  }

  #schedule(): void {
    if (this.#isInTurn || this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    process.nextTick(this.#turn);
  }

  #run(): void {
    this.#isScheduled = false;
    if (this.#isInTurn || this.#isClosed) return;
    this.#isInTurn = true;
    const ring = this.#ring;
    ring.setSignals(false);
    try {
      for (let round = 0; round < roundsMax; round++) {
        this.#workQueue();
        if (ring.hasSubmissions || ring.hasNews) ring.enter();
        if (ring.drain(this.#take) === 0 && this.#queued.length === 0 && !ring.hasSubmissions) break;
      }
    } finally {
      this.#isInTurn = false;
      if (this.#isStopping && this.#free.length === this.#table.length) this.#close();
      else {
        ring.setSignals(true);
        if (ring.hasNews || ring.hasSubmissions || this.#queued.length > 0) {
          this.#isScheduled = true;
          setImmediate(this.#turn);
        }
      }
    }
  }

  #workQueue(): void {
    while (this.#queued.length > 0) {
      const batch = this.#queued;
      this.#queued = this.#working;
      this.#working = batch;
      for (const transport of batch) transport.work();
      batch.length = 0;
    }
  }

  #dispatch(token: number, result: number, flags: number): void {
    const kind = token & (kindCount - 1);
    const one = this.#table[token >>> kindBits];
    const piece = (flags & flagBuffer) === 0 ? -1 : flags >>> 16;
    if (kind === kinds.receive && one instanceof RingTransport) one.received(result, flags, piece);
    else if (kind === kinds.send && one instanceof RingTransport) one.sent(result);
    else if (kind === kinds.accept && one !== undefined && !(one instanceof RingTransport)) {
      this.#accepted(one, result, flags);
    } else if (kind === kinds.connect) {
      const index = token >>> kindBits;
      const done = this.#connects.get(index);
      this.#connects.delete(index);
      this.#addresses.delete(index);
      done?.(result);
    }
  }

  #accept(listener: Listener): void {
    this.#ring.submit({
      operation: operations.accept,
      file: listener.file,
      token: this.#token(listener.index, kinds.accept),
      priority: acceptMultishot,
      operationFlags: 0o2000000,
    });
    this.#schedule();
  }

  #accepted(listener: Listener, result: number, flags: number): void {
    const goesOn = (flags & 2) !== 0;
    if (result >= 0) this.#admit(listener, result);
    if (goesOn) return;
    if (listener.isStopped) {
      this.#kernel.close(listener.file);
      this.#release(listener.index);
    } else if (result >= 0) {
      this.#accept(listener);
    } else {
      if (result !== canceled && result !== noBuffers) listener.options.failed(systemError(result, 'accept'));
      setTimeout(() => {
        if (listener.isStopped) {
          this.#kernel.close(listener.file);
          this.#release(listener.index);
        } else this.#accept(listener);
      }, acceptAgainMs).unref();
    }
  }

  #admit(listener: Listener, file: number): void {
    if (listener.isStopped) {
      this.#kernel.close(file);
      return;
    }
    let isTaken = false;
    listener.options.accepted((sink) => {
      isTaken = true;
      const index = this.#place();
      const transport = new RingTransport(this, index, sink);
      this.#table[index] = transport;
      this.#name(transport, file);
      transport.start(file);
      return transport;
    });
    if (!isTaken) this.#kernel.close(file);
  }

  #name(transport: RingTransport, file: number): void {
    const remote = this.#kernel.endpoint(file, 'remote');
    const local = this.#kernel.endpoint(file, 'local');
    transport.remoteAddress = remote.address;
    transport.remotePort = remote.port;
    transport.localAddress = local.address;
    transport.localPort = local.port;
  }

  /** Closing would not wake the request that waits for connections; shutting down does. */
  #stopListener(listener: Listener): void {
    if (listener.isStopped) return;
    listener.isStopped = true;
    this.#kernel.shutdown(listener.file, shutdownBoth);
  }

  #close(): void {
    this.#isClosed = true;
    this.#signal.destroy();
    this.#ring.close();
  }
}

function setTcpOptions(kernel: Kernel, file: number): void {
  // TCP_NODELAY; SO_KEEPALIVE after TCP_KEEPIDLE seconds. Accepted sockets inherit them.
  kernel.setOption(file, 6, 1, 1);
  kernel.setOption(file, 1, 9, 1);
  kernel.setOption(file, 6, 4, 60);
}

function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return Promise.resolve(host);
  return new Promise((resolve, reject) => {
    lookup(host, (error, address) => (error === null ? resolve(address) : reject(error)));
  });
}

/** Starts a ring. Fails where kernel, its settings or a seccomp profile refuse it, or the foreign function interface is missing. */
export async function startRing(): Promise<Transports> {
  return new RingEngine(await loadKernel());
}
