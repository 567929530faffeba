import { type CompressType, decompress } from './compression.ts';
import { ProtobufError, ProtobufReader, wireTypes } from './protobuf.ts';
import { slsErrors } from './sls-error.ts';

/** By the numbers of the message's enumeration; 0 is none. */
const compressTypes: Readonly<Record<number, CompressType | 'none'>> = {
  0: 'none',
  1: 'deflate',
  2: 'lz4',
  3: 'zstd',
};

const lz4 = 2;
const packagesMax = 4096;

interface LogPackage {
  readonly data: Buffer;
  readonly rawBytes: number;
  readonly compressType: CompressType | 'none';
}

/**
 * The encoded LogGroups of an SlsLogPackageList, each of which is compressed by itself. Nothing is decompressed
 * unless all of them together stay within `bytesMax`. Throws the vendor's `PostBodyInvalid`, `PostBodyTooLarge` or
 * `PostBodyUncompressError`.
 */
export function decodeLogPackages(bytes: Uint8Array, bytesMax: number): Buffer[] {
  const packages = readPackages(bytes);
  const rawBytes = packages.reduce((sum, one) => sum + one.rawBytes, 0);
  if (rawBytes > bytesMax) throw slsErrors.postBodyTooLarge(rawBytes, bytesMax);
  return packages.map(({ data, compressType, rawBytes: size }) =>
    compressType === 'none' ? data : decompress(compressType, data, size),
  );
}

function readPackages(bytes: Uint8Array): LogPackage[] {
  try {
    const reader = new ProtobufReader(bytes);
    const packages: LogPackage[] = [];
    while (reader.at < reader.end) {
      const tag = reader.tag();
      if (tag !== ((1 << 3) | wireTypes.bytes)) reader.skip(tag);
      else if (packages.length === packagesMax) throw new ProtobufError('too many packages');
      else packages.push(readPackage(take(reader)));
    }
    return packages;
  } catch (error) {
    throw error instanceof ProtobufError ? slsErrors.postBodyInvalid() : error;
  }
}

function readPackage(bytes: Buffer): LogPackage {
  const reader = new ProtobufReader(bytes);
  let data: Buffer | undefined;
  let rawBytes = 0;
  let type = lz4;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === ((1 << 3) | wireTypes.bytes)) data = take(reader);
    else if (tag === ((2 << 3) | wireTypes.varint)) rawBytes = reader.uint32();
    else if (tag === ((3 << 3) | wireTypes.varint)) type = reader.uint32();
    else reader.skip(tag);
  }
  const compressType = compressTypes[type];
  if (data === undefined || compressType === undefined) throw new ProtobufError('package is not complete');
  return { data, compressType, rawBytes: compressType === 'none' ? data.length : rawBytes };
}

function take(reader: ProtobufReader): Buffer {
  const length = reader.length();
  const taken = reader.buffer.subarray(reader.at, reader.at + length);
  reader.at += length;
  return taken;
}
