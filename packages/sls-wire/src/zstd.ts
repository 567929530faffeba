import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import zlib from 'node:zlib';

/** Thrown when bytes are not one zstd frame of the declared size. */
export class ZstdError extends Error {
  override readonly name = 'ZstdError';
}

export interface Zstd {
  compress(bytes: Uint8Array): Buffer;
  /** Exactly `rawBytes` bytes, or `ZstdError`; never holds more than that of the output. */
  decompress(bytes: Uint8Array, rawBytes: number): Buffer;
}

/** Built into Node from 22.15 on. */
interface NativeZstd {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Buffer;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer;
}

/** The package and its inner module, as far as they are used here. */
interface WasmZstd {
  compress(bytes: Uint8Array): Uint8Array;
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array;
}
interface WasmModule {
  instantiateWasm: (imports: object, receive: (instance: object) => void) => void;
  init(): void;
}

/** The part of the global that is used here; the declarations of Node do not include it. */
interface WasmRuntime {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (code: object, imports: object) => object;
}

let loaded: Zstd | undefined;

/** The codec; loaded by the first call, which takes some 20 ms where Node has none of its own. */
export function loadZstd(): Zstd {
  loaded ??= nativeZstd() ?? wasmZstd();
  return loaded;
}

function nativeZstd(): Zstd | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as NativeZstd;
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined;
  return {
    compress: zstdCompressSync,
    decompress(bytes, rawBytes) {
      checkFrame(bytes, rawBytes);
      return exactly(rawBytes, () => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, rawBytes) }));
    },
  };
}

/**
 * The package's own start-up is asynchronous only in how it compiles its file; compiling it here keeps bodies
 * that are not zstd free of any wait.
 */
function wasmZstd(): Zstd {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmRuntime };
  const require = createRequire(import.meta.url);
  const main = require.resolve('@bokuweb/zstd-wasm');
  const wasm = require(main) as WasmZstd;
  const inner = (require(join(dirname(main), 'module.js')) as { Module: WasmModule }).Module;
  const code = new WebAssembly.Module(readFileSync(join(dirname(main), 'zstd.wasm')));
  inner.instantiateWasm = (imports, receive) => receive(new WebAssembly.Instance(code, imports));
  inner.init();
  return {
    compress: (bytes) => asBuffer(wasm.compress(bytes)),
    decompress(bytes, rawBytes) {
      checkFrame(bytes, rawBytes);
      return exactly(rawBytes, () =>
        asBuffer(wasm.decompress(bytes, { defaultHeapSize: Math.max(1, rawBytes) })),
      );
    },
  };
}

/**
 * Refuses what is no frame, or a frame that announces another size than the request does, before anything is
 * allocated for it (RFC 8878, section 3.1.1.1).
 */
function checkFrame(bytes: Uint8Array, rawBytes: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== 0xfd2fb528) throw new ZstdError('no zstd frame');
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const at = 5 + (isSingleSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 2 ** sizeFlag;
  if (at + sizeBytes > bytes.length) throw new ZstdError('the frame head is cut');
  const size = sizeAt(view, at, sizeBytes);
  if (size !== undefined && size !== rawBytes) {
    throw new ZstdError(`the frame holds ${size} bytes, ${rawBytes} were declared`);
  }
}

/** The content size of a frame; `undefined` when the frame does not say. */
function sizeAt(view: DataView, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return undefined;
  }
}

function exactly(rawBytes: number, run: () => Buffer): Buffer {
  let raw: Buffer;
  try {
    raw = run();
  } catch (cause) {
    throw new ZstdError('the frame is damaged', { cause });
  }
  if (raw.length !== rawBytes) throw new ZstdError(`frame of ${raw.length} bytes, ${rawBytes} were declared`);
  return raw;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
