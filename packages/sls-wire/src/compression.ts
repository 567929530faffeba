import zlib from 'node:zlib';
import { compressSync } from 'lz4-napi';
import { decodeLz4Block, Lz4Error } from './lz4-block.ts';
import { slsErrors } from './sls-error.ts';

/** Body codings of the log API, named as in `x-log-compresstype` and in `Accept-Encoding` of reads. */
export type CompressType = 'lz4' | 'deflate' | 'gzip' | 'zstd';

/** Built in from Node 22.15 on; absent before, and then refused by name. */
interface ZstdFunctions {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Buffer;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer;
}
const zstd = zlib as unknown as ZstdFunctions;

/** The coding of a header value that this runtime can undo, or `undefined`. */
export function parseCompressType(value: string): CompressType | undefined {
  if (value === 'lz4' || value === 'deflate' || value === 'gzip') return value;
  return value === 'zstd' && zstd.zstdDecompressSync !== undefined ? value : undefined;
}

/**
 * Undoes a body coding. The result has exactly `rawBytes` bytes; the caller has checked that number against
 * its own limit, and nothing beyond it is ever allocated. Throws the vendor's `PostBodyUncompressError`.
 */
export function decompress(type: CompressType, bytes: Uint8Array, rawBytes: number): Buffer {
  let raw: Buffer;
  try {
    raw = type === 'lz4' ? decodeLz4Block(bytes, rawBytes) : inflate(type, bytes, rawBytes);
  } catch (error) {
    if (error instanceof Lz4Error || isZlibError(error)) throw slsErrors.postBodyUncompressError();
    throw error;
  }
  if (raw.length !== rawBytes) throw slsErrors.postBodyUncompressError();
  return raw;
}

/** Compresses a reply. `gzip` is a zlib stream on this API, not RFC 1952: that is what its clients undo. */
export function compress(type: CompressType, bytes: Uint8Array): Buffer {
  if (type === 'lz4') return encodeLz4Block(bytes);
  if (type === 'zstd' && zstd.zstdCompressSync !== undefined) return zstd.zstdCompressSync(bytes);
  return zlib.deflateSync(bytes);
}

/** One raw LZ4 block: no frame, no size prefix. */
export function encodeLz4Block(bytes: Uint8Array): Buffer {
  // An empty block is one token that announces no literals.
  if (bytes.length === 0) return Buffer.of(0);
  // The library puts the size, four bytes, in front of the block.
  const sized: Uint8Array = compressSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return Buffer.from(sized.buffer, sized.byteOffset + 4, sized.byteLength - 4);
}

function inflate(type: CompressType, bytes: Uint8Array, rawBytes: number): Buffer {
  // Zero means "no limit" to zlib; a declared size of zero then fails on the comparison of lengths.
  const options = { maxOutputLength: Math.max(1, rawBytes) };
  if (type === 'zstd' && zstd.zstdDecompressSync !== undefined) {
    return zstd.zstdDecompressSync(bytes, options);
  }
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return isGzip ? zlib.gunzipSync(bytes, options) : zlib.inflateSync(bytes, options);
}

/** Data errors have codes such as `Z_DATA_ERROR`; output over the limit is `ERR_BUFFER_TOO_LARGE`. */
function isZlibError(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return /^(Z_|ZSTD_|ERR_ZSTD|ERR_BUFFER_TOO_LARGE)/.test(error.code);
}
