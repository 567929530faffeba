import { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** An address of memory outside the JavaScript heap, as a number: user space ends at 2^47. */
export type Address = number;

/** The calls of Linux that the ring needs; each returns a result or a negative error number. */
export interface Kernel {
  ringSetup(entries: number, params: Uint8Array): number;
  ringEnter(ring: number, submit: number, flags: number): number;
  ringRegister(ring: number, operation: number, argument: Uint8Array, count: number): number;
  map(bytes: number, file: number, offset: number): Address;
  unmap(address: Address, bytes: number): void;
  /** The memory at `address`, shared with the kernel. */
  view(address: Address, bytes: number): ArrayBuffer;
  addressOf(memory: Uint8Array): Address;
  eventfd(): number;
  socketPair(): [number, number];
  duplicateOnto(from: number, onto: number): number;
  close(file: number): void;
  socket(family: number): number;
  setOption(socket: number, level: number, option: number, value: number): void;
  bind(socket: number, address: Uint8Array): number;
  listen(socket: number, backlog: number): number;
  shutdown(socket: number, how: number): void;
  endpoint(socket: number, side: 'local' | 'remote'): { readonly address: string; readonly port: number };
}

type Call = (...values: unknown[]) => number;

const families = { ipv4: 2, ipv6: 10 };
const protReadWrite = 3;
const mapShared = 1;
const mapAnonymousPrivatePopulate = 0x22;
const mapPopulate = 0x8000;
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;
const streamSocket = 1;
const unixFamily = 1;

/** Loads the foreign function interface. Fails where there is no Linux or no prebuilt library for it. */
export async function loadKernel(): Promise<Kernel> {
  if (process.platform !== 'linux') throw new Error(`io_uring is part of Linux, this is ${process.platform}`);
  const { default: koffi } = await import('koffi');
  const calls = defineCalls(koffi);
  const name = Buffer.alloc(28);
  const nameLength = Buffer.alloc(4);
  const optionValue = Buffer.alloc(4);
  return {
    // Numbers of system calls; since Linux 5.1 the same on every architecture.
    ringSetup: (entries, params) => calls.setup(425, entries, params, 0, 0, null, 0),
    ringEnter: (ring, submit, flags) => calls.enter(426, ring, submit, 0, flags, 0, 0),
    ringRegister: (ring, operation, argument, count) =>
      calls.register(427, ring, operation, argument, count, 0, 0),
    map: (bytes, file, offset) => {
      const flags = file === -1 ? mapAnonymousPrivatePopulate : mapShared | mapPopulate;
      const address = calls.mmap(null, bytes, protReadWrite, flags, file, offset);
      if (address === -1) throw systemError(-koffi.errno(), 'mmap');
      return address;
    },
    unmap: (address, bytes) => void calls.munmap(address, bytes),
    view: (address, bytes) => koffi.view(address, bytes),
    addressOf: (memory) => calls.memmove(memory, memory, 0),
    eventfd: () => calls.eventfd(0, closeOnExec | nonBlocking),
    socketPair: () => {
      const pair = new Int32Array(2);
      const result = calls.socketpair(unixFamily, streamSocket | closeOnExec, 0, pair);
      if (result < 0) throw systemError(result, 'socketpair');
      return [pair[0] ?? -1, pair[1] ?? -1];
    },
    duplicateOnto: (from, onto) => calls.dup3(from, onto, closeOnExec),
    close: (file) => void calls.close(file),
    socket: (family) => calls.socket(family, streamSocket | closeOnExec, 0),
    setOption: (file, level, option, value) => {
      optionValue.writeInt32LE(value);
      calls.setsockopt(file, level, option, optionValue, 4);
    },
    bind: (file, address) => calls.bind(file, address, address.length),
    listen: calls.listen,
    shutdown: (file, how) => void calls.shutdown(file, how),
    endpoint: (file, side) => {
      nameLength.writeInt32LE(name.length);
      return calls.getname[side](file, name, nameLength) < 0 ? { address: '', port: 0 } : parseAddress(name);
    },
  };
}

type Library = Pick<typeof import('koffi'), 'load' | 'errno' | 'view'>;

function defineCalls(koffi: Library) {
  const libc = koffi.load(null);
  const define = (prototype: string): Call => {
    const call: Call = libc.func(prototype) as unknown as Call;
    return call;
  };
  // A call that fails returns -1 and leaves its reason in errno.
  const checked = (call: Call): Call => {
    return (...values) => {
      const result = call(...values);
      return result < 0 ? -koffi.errno() : result;
    };
  };
  const setup = checked(define('long syscall(long, long, void *, long, long, void *, long)'));
  const enter = define('long syscall(long, long, long, long, long, long, long)');
  const mmap = define('intptr_t mmap(void *, size_t, int, int, int, long)');
  const munmap = define('int munmap(intptr_t, size_t)');
  const memmove = define('intptr_t memmove(void *, void *, size_t)');
  const eventfd = checked(define('int eventfd(int, int)'));
  const socketpair = checked(define('int socketpair(int, int, int, void *)'));
  const socket = checked(define('int socket(int, int, int)'));
  const setsockopt = define('int setsockopt(int, int, int, void *, uint32_t)');
  const getname = {
    local: checked(define('int getsockname(int, void *, void *)')),
    remote: checked(define('int getpeername(int, void *, void *)')),
  };
  const dup3 = checked(define('int dup3(int, int, int)'));
  const close = define('int close(int)');
  const shutdown = define('int shutdown(int, int)');
  const bind = checked(define('int bind(int, void *, uint32_t)'));
  const listen = checked(define('int listen(int, int)'));
  const register = checked(define('long syscall(long, long, long, void *, long, long, long)'));
  return {
    setup,
    enter,
    register,
    mmap,
    munmap,
    memmove,
    eventfd,
    socketpair,
    socket,
    setsockopt,
    getname,
    dup3,
    close,
    shutdown,
    bind,
    listen,
  };
}

/** An error as Node makes them, from a negative error number. */
export function systemError(negative: number, call: string, place = ''): Error {
  const code = getSystemErrorName(negative);
  return Object.assign(new Error(`${call} ${code}${place === '' ? '' : ` ${place}`}`), {
    code,
    errno: negative,
    syscall: call,
  });
}

/** `struct sockaddr_in` or `sockaddr_in6` of a literal address. */
export function encodeAddress(host: string, port: number): { family: number; bytes: Buffer } {
  if (isIP(host) === 4) {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt16LE(families.ipv4, 0);
    bytes.writeUInt16BE(port, 2);
    host.split('.').forEach((part, at) => void bytes.writeUInt8(Number(part), 4 + at));
    return { family: families.ipv4, bytes };
  }
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(families.ipv6, 0);
  bytes.writeUInt16BE(port, 2);
  parseIpv6(host).forEach((group, at) => void bytes.writeUInt16BE(group, 8 + 2 * at));
  return { family: families.ipv6, bytes };
}

function parseIpv6(host: string): number[] {
  // The URL parser writes every form of an address, an embedded IPv4 one too, as groups of hexadecimal digits.
  const [head = '', tail] = new URL(`http://[${host}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const first = groups(head);
  const last = groups(tail);
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}

function parseAddress(name: Buffer): { address: string; port: number } {
  const port = name.readUInt16BE(2);
  if (name.readUInt16LE(0) === families.ipv4) return { address: name.subarray(4, 8).join('.'), port };
  const groups = Array.from({ length: 8 }, (_, at) => name.readUInt16BE(8 + 2 * at).toString(16));
  return { address: new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1), port };
}
