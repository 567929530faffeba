import { deflateSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { encodeLz4Block } from './compression.ts';
import { decodeLogPackages } from './log-package-list.ts';

const list = protobuf
  .parse(
    `
    syntax = "proto2";
    message Package {
      optional bytes data = 1;
      optional int32 uncompress_size = 2;
      optional int32 compress_type = 3;
    }
    message List { repeated Package packages = 1; }
  `,
    { keepCase: true },
  )
  .root.lookupType('List');

function encode(packages: readonly object[]): Uint8Array {
  return list.encode(list.fromObject({ packages })).finish();
}

const text = Buffer.from('a log group '.repeat(50));
const size = text.length;
const bytesMax = 10_000;

describe('a package list', () => {
  it('holds log groups that are compressed one by one, lz4 when nothing is said', () => {
    const bytes = encode([
      { data: encodeLz4Block(text), uncompress_size: size },
      { data: encodeLz4Block(text), uncompress_size: size, compress_type: 2 },
      { data: deflateSync(text), uncompress_size: size, compress_type: 1 },
      { data: text, compress_type: 0 },
    ]);
    expect(decodeLogPackages(bytes, bytesMax)).toEqual([text, text, text, text]);
    expect(decodeLogPackages(Buffer.alloc(0), bytesMax)).toEqual([]);
  });

  it.each([
    ['bytes that are no message', Buffer.from('x'), 'PostBodyInvalid'],
    ['a package without data', encode([{ uncompress_size: 1 }]), 'PostBodyInvalid'],
    ['an unknown coding', encode([{ data: text, compress_type: 9 }]), 'PostBodyInvalid'],
    ['too many packages', encode(Array.from({ length: 5000 }, () => ({ data: text }))), 'PostBodyInvalid'],
    [
      'a wrong size',
      encode([{ data: encodeLz4Block(text), uncompress_size: size - 1 }]),
      'PostBodyUncompressError',
    ],
    ['a damaged block', encode([{ data: text, uncompress_size: size }]), 'PostBodyUncompressError'],
    [
      'more than the bound, which it only declares',
      encode(Array.from({ length: 3 }, () => ({ data: text, uncompress_size: 4000 }))),
      'PostBodyTooLarge',
    ],
  ])('is refused: %s', (_, bytes, errorCode) => {
    expect(() => decodeLogPackages(bytes, bytesMax)).toThrow(expect.objectContaining({ errorCode }));
  });
});
