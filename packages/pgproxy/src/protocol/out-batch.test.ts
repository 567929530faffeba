import { createRandom } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import type { Transport } from '../transport/transport.ts';
import { OutBatch } from './out-batch.ts';

/** Records writes. While `isSlow`, it keeps the memory it is given, as a full socket does. */
function recorder(isSlow = false) {
  const writes: Buffer[] = [];
  const transport: Transport = {
    remoteAddress: '',
    remotePort: 0,
    localAddress: '',
    localPort: 0,
    isFull: false,
    isEncrypted: false,
    write(buffer, start, end) {
      writes.push(isSlow ? buffer.subarray(start, end) : Buffer.from(buffer.subarray(start, end)));
      return !isSlow;
    },
    pause() {},
    resume() {},
    end() {},
    destroy() {},
  };
  return { transport, writes, sent: () => Buffer.concat(writes) };
}

/** Bytes whose order can be told, made faster than random ones. */
function bytesOf(length: number, seed: number): Buffer {
  return Buffer.alloc(
    length,
    Uint8Array.from({ length: 241 }, (_, at) => (at * 7 + seed) % 251),
  );
}

describe('out batch', () => {
  test('sends one unchanged run as one write of the same memory', () => {
    const { transport, writes } = recorder(true);
    const batch = new OutBatch(transport);
    const source = Buffer.from('abcdefgh');
    batch.run(source, 0, 3);
    batch.run(source, 3, 8);
    expect(batch.flush()).toBe(false);
    expect(writes).toHaveLength(1);
    expect(writes[0]?.buffer).toBe(source.buffer);
  });

  test('puts an insertion and its neighbours into one write', () => {
    const { transport, writes, sent } = recorder();
    const batch = new OutBatch(transport);
    const source = Buffer.from('headTAIL');
    batch.run(source, 0, 4);
    batch.header(0x50, 0x01020304);
    batch.bytes(Buffer.from('-'));
    batch.run(source, 4, 8);
    expect(batch.flush()).toBe(true);
    expect(writes).toHaveLength(1);
    expect(sent().toString('latin1')).toBe('headP\x01\x02\x03\x04-TAIL');
  });

  test('keeps the order of any mixture, also when the peer takes nothing at once', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = createRandom(seed);
      const { transport, sent } = recorder(seed % 2 === 0);
      const want: Buffer[] = [];
      for (let turn = 0; turn < 4; turn++) {
        const batch = new OutBatch(transport);
        const source = bytesOf(1 + random.integer(100_000), random.integer(251));
        let at = 0;
        for (let n = 0; n < 12; n++) {
          if (random.integer(2) === 0) {
            const end = Math.min(source.length, at + random.integer(30_000));
            batch.run(source, at, end);
            want.push(source.subarray(at, end));
            at = Math.min(source.length, end + random.integer(3));
          } else {
            const piece = bytesOf(random.integer(random.integer(2) === 0 ? 20 : 50_000), random.integer(251));
            batch.bytes(piece);
            want.push(piece);
          }
        }
        batch.flush();
      }
      expect(sent().equals(Buffer.concat(want)), `seed ${seed}`).toBe(true);
    }
  });
});
