import { deflateSync, gzipSync, inflateSync } from 'node:zlib';
import { createRandom } from '@sampan/testkit';
import { uncompressSync } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { compress, decompress, encodeLz4Block, parseCompressType } from './compression.ts';
import { decodeLz4Block, Lz4Error } from './lz4-block.ts';

const uncompressError = expect.objectContaining({ status: 400, errorCode: 'PostBodyUncompressError' });

/** Text with repetitions near and far, so that the block holds every kind of sequence. */
function texts(): Buffer[] {
  const random = createRandom(5);
  const made = [Buffer.from('a'), Buffer.from('a'.repeat(100_000)), Buffer.from(random.bytes(70_000))];
  for (let size = 2; size < 100_000; size = Math.floor(size * 1.7)) {
    const words = Array.from({ length: 12 }, () => Buffer.from(random.bytes(1 + random.integer(40))));
    const parts: Buffer[] = [];
    for (let bytes = 0; bytes < size; ) {
      const word = words[random.integer(words.length)] ?? Buffer.alloc(1);
      parts.push(word);
      bytes += word.length;
    }
    made.push(Buffer.concat(parts).subarray(0, size));
  }
  return made;
}

describe('LZ4 block', () => {
  it('gives back what the reference library compressed', () => {
    for (const text of texts())
      expect(decodeLz4Block(encodeLz4Block(text), text.length).equals(text)).toBe(true);
  });

  it('is written so that the reference library gives it back', () => {
    for (const text of texts()) {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(text.length);
      expect(uncompressSync(Buffer.concat([size, encodeLz4Block(text)])).equals(text)).toBe(true);
    }
  });

  it('takes a block of literals only, which Go sends for data that does not shrink', () => {
    expect(decodeLz4Block(Buffer.from([0x30, 1, 2, 3]), 3)).toEqual(Buffer.of(1, 2, 3));
  });

  it('takes an empty block', () => {
    expect(decodeLz4Block(encodeLz4Block(Buffer.alloc(0)), 0)).toHaveLength(0);
  });

  it.each([
    ['more literals than declared', [0x30, 1, 2, 3], 2],
    ['fewer bytes than declared', [0x30, 1, 2, 3], 4],
    ['literals beyond the input', [0x50, 1, 2, 3], 5],
    ['an offset of 0', [0x14, 1, 0, 0, 0x00], 9],
    ['an offset before the start', [0x14, 1, 2, 0, 0x00], 9],
    ['a match beyond the declared size', [0x1f, 1, 1, 0, 255, 255, 255, 0], 100],
    ['an offset cut in half', [0x14, 1, 1], 9],
    ['a literal length without end', [0xf0, 255, 255], 1000],
    ['a match length without end', [0x1f, 1, 1, 0, 255], 1000],
    ['nothing where something is declared', [], 1],
  ])('refuses %s', (_, bytes, rawBytes) => {
    expect(() => decodeLz4Block(Uint8Array.from(bytes), rawBytes)).toThrow(Lz4Error);
    expect(() => decompress('lz4', Uint8Array.from(bytes), rawBytes)).toThrow(uncompressError);
  });

  it('refuses every truncation and survives 20,000 damaged blocks', () => {
    const text = texts()[12] ?? Buffer.alloc(0);
    const block = encodeLz4Block(text);
    for (let end = 0; end < block.length; end++) {
      expect(() => decodeLz4Block(block.subarray(0, end), text.length)).toThrow(Lz4Error);
    }
    const random = createRandom(77);
    for (let round = 0; round < 20_000; round++) {
      const damaged = Buffer.from(block);
      damaged[random.integer(damaged.length)] = random.integer(256);
      try {
        expect(decodeLz4Block(damaged, text.length)).toHaveLength(text.length);
      } catch (error) {
        expect(error).toBeInstanceOf(Lz4Error);
      }
    }
  });
});

describe('deflate and gzip', () => {
  const text = Buffer.from('sampan '.repeat(500));

  it('reads zlib and RFC 1952 streams under either label', () => {
    for (const label of ['deflate', 'gzip'] as const) {
      expect(decompress(label, deflateSync(text), text.length).equals(text)).toBe(true);
      expect(decompress(label, gzipSync(text), text.length).equals(text)).toBe(true);
    }
  });

  it('writes a zlib stream under both labels, because that is what the clients undo', () => {
    for (const label of ['deflate', 'gzip'] as const) {
      expect(inflateSync(compress(label, text)).equals(text)).toBe(true);
    }
  });

  it('stops a decompression bomb at the declared size', () => {
    const bomb = deflateSync(Buffer.alloc(50_000_000));
    expect(() => decompress('deflate', bomb, 1000)).toThrow(uncompressError);
  });

  it('refuses a stream shorter than declared, cut or damaged', () => {
    const stream = deflateSync(text);
    expect(() => decompress('deflate', stream, text.length + 1)).toThrow(uncompressError);
    expect(() => decompress('deflate', stream.subarray(0, 10), text.length)).toThrow(uncompressError);
    expect(() => decompress('deflate', Buffer.from('no stream'), 9)).toThrow(uncompressError);
    expect(() => decompress('deflate', stream, 0)).toThrow(uncompressError);
  });
});

describe('zstd', () => {
  const text = Buffer.from('sampan keeps every log, and every log is kept. '.repeat(20));
  /** The same text from the reference library, through python-zstandard 0.25. */
  const frames = {
    'with its size': 'KLUv/WCsAoUBAFQCc2FtcGFuIGtlZXBzIGV2ZXJ5IGxvZywgYW5kIGlzIGtlcHQuIAIAeqWqaNnmGA==',
    'without its size, with a checksum':
      'KLUv/QQAhQEAVAJzYW1wYW4ga2VlcHMgZXZlcnkgbG9nLCBhbmQgaXMga2VwdC4gAgB6papo2eYY027FQw==',
    'written as a stream': 'KLUv/QBYhQEAVAJzYW1wYW4ga2VlcHMgZXZlcnkgbG9nLCBhbmQgaXMga2VwdC4gAgB6papo2eYY',
  };

  it.each(Object.entries(frames))('reads a frame %s', (_, frame) => {
    const bytes = Buffer.from(frame, 'base64');
    expect(decompress('zstd', bytes, text.length).equals(text)).toBe(true);
    expect(() => decompress('zstd', bytes, text.length - 1)).toThrow(uncompressError);
    expect(() => decompress('zstd', bytes, text.length + 1)).toThrow(uncompressError);
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decompress('zstd', bytes.subarray(0, end), text.length)).toThrow(uncompressError);
    }
  });

  it('gives back what it wrote, of every size', () => {
    for (const raw of [Buffer.alloc(0), ...texts()]) {
      expect(decompress('zstd', compress('zstd', raw), raw.length).equals(raw)).toBe(true);
    }
  });

  it('stops a decompression bomb at the declared size', () => {
    const bomb = compress('zstd', Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(10_000);
    expect(() => decompress('zstd', bomb, 1000)).toThrow(uncompressError);
    // The same without the size in its head: the descriptor says that none follows, and a window does.
    const headless = Buffer.concat([bomb.subarray(0, 4), Buffer.of(0x00, 0x90), bomb.subarray(10)]);
    expect(() => decompress('zstd', headless, 1000)).toThrow(uncompressError);
  });

  it('refuses frames that announce absurd sizes', () => {
    for (const size of [2 ** 31, 2 ** 32 - 1, 2 ** 53]) {
      const head = Buffer.alloc(14);
      head.writeUInt32LE(0xfd2fb528);
      head[4] = 0xe0;
      head.writeBigUInt64LE(BigInt(size), 5);
      expect(() => decompress('zstd', head, 1000)).toThrow(uncompressError);
    }
  });

  it('survives 20,000 damaged frames and works on', () => {
    const bytes = Buffer.from(frames['with its size'], 'base64');
    const random = createRandom(78);
    for (let round = 0; round < 20_000; round++) {
      const damaged = Buffer.from(bytes);
      damaged[random.integer(damaged.length)] = random.integer(256);
      try {
        expect(decompress('zstd', damaged, text.length)).toHaveLength(text.length);
      } catch (error) {
        expect(error).toEqual(uncompressError);
      }
    }
    expect(decompress('zstd', bytes, text.length).equals(text)).toBe(true);
  });
});

it('knows the codings by the names of the protocol', () => {
  expect(parseCompressType('lz4')).toBe('lz4');
  expect(parseCompressType('LZ4')).toBeUndefined();
  expect(parseCompressType('br')).toBeUndefined();
});
