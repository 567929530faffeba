import zlib from 'node:zlib';
import { compressSync } from 'lz4-napi';
import { decodeLz4Block, Lz4Error } from './lz4-block.ts';
import { slsErrors } from './sls-error.ts';
import { loadZstd, ZstdError } from './zstd.ts';

/** Body codings of the log API, named as in `x-log-compresstype` and in `Accept-Encoding` of reads. */
export type CompressType = 'lz4' | 'deflate' | 'gzip' | 'zstd';

/** The coding of a header value, or `undefined`. */
export function parseCompressType(value: string): CompressType | undefined {
  return value === 'lz4' || value === 'deflate' || value === 'gzip' || value === 'zstd' ? value : undefined;
}

/**
 * Undoes a body coding. The result has exactly `rawBytes` bytes; the caller has checked that number against
 * its own limit, and nothing beyond it is ever allocated. Throws the vendor's `PostBodyUncompressError`.
 */
export function decompress(type: CompressType, bytes: Uint8Array, rawBytes: number): Buffer {
  let raw: Buffer;
  try {
    if (type === 'lz4') raw = decodeLz4Block(bytes, rawBytes);
    else raw = type === 'zstd' ? loadZstd().decompress(bytes, rawBytes) : inflate(bytes, rawBytes);
  } catch (error) {
    if (error instanceof Lz4Error || error instanceof ZstdError || isZlibError(error)) {
      throw slsErrors.postBodyUncompressError();
    }
    throw error;
  }
  if (raw.length !== rawBytes) throw slsErrors.postBodyUncompressError();
  return raw;
}

/** Compresses a reply. `gzip` is a zlib stream on this API, not RFC 1952: that is what its clients undo. */
export function compress(type: CompressType, bytes: Uint8Array): Buffer {
  if (type === 'lz4') return encodeLz4Block(bytes);
  if (type === 'zstd') return loadZstd().compress(bytes);
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

function inflate(bytes: Uint8Array, rawBytes: number): Buffer {
  // Zero means "no limit" to zlib; a declared size of zero then fails on the comparison of lengths.
  const options = { maxOutputLength: Math.max(1, rawBytes) };
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return isGzip ? zlib.gunzipSync(bytes, options) : zlib.inflateSync(bytes, options);
}

/** Data errors have codes such as `Z_DATA_ERROR`; output over the limit is `ERR_BUFFER_TOO_LARGE`. */
function isZlibError(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  return /^(Z_|ERR_BUFFER_TOO_LARGE)/.test(error.code);
}
