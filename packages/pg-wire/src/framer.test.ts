import { createRandom, everySplit } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import { createFramer, type Frame } from './framer.ts';
import { WireError } from './sqlstate.ts';

// Bytes written by hand from "Message Formats", so that the codec is not checked against itself.
const query = Buffer.from([0x51, 0, 0, 0, 13, ...Buffer.from('SELECT 1'), 0]);
const sync = Buffer.from([0x53, 0, 0, 0, 4]);
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const startup = Buffer.from([0, 0, 0, 17, 0, 3, 0, 0, ...Buffer.from('user\0me\0'), 0]);

const shapes = (frames: Iterable<Frame>): [number, string][] =>
  Array.from(frames, (frame): [number, string] => [frame.type, frame.payload.toString('latin1')]);

describe('framer', () => {
  test('gives the same messages wherever the stream is cut', () => {
    const stream = Buffer.concat([query, sync, query]);
    for (const chunks of everySplit(stream)) {
      const framer = createFramer({ maxFrameBytes: 100, expectStartup: false });
      const seen: [number, string][] = [];
      for (const chunk of chunks) {
        framer.push(chunk);
        seen.push(...shapes(framer));
      }
      expect(seen).toEqual([
        [0x51, 'SELECT 1\0'],
        [0x53, ''],
        [0x51, 'SELECT 1\0'],
      ]);
      expect(framer.bufferedBytes).toBe(0);
    }
  });

  test('reads start-up packets until the real one, then messages with a letter', () => {
    for (const chunks of everySplit(Buffer.concat([sslRequest, startup, query]))) {
      const framer = createFramer({ maxFrameBytes: 10_000, expectStartup: true });
      const types: number[] = [];
      for (const chunk of chunks) {
        framer.push(chunk);
        for (const frame of framer) types.push(frame.type);
      }
      expect(types).toEqual([0, 0, 0x51]);
    }
  });

  test('honours the offset of a view into a larger buffer', () => {
    const pool = Buffer.alloc(64, 0xff);
    query.copy(pool, 17);
    const view = new Uint8Array(pool.buffer, pool.byteOffset + 17, query.length);
    const framer = createFramer({ maxFrameBytes: 100, expectStartup: false });
    framer.push(view);
    const [frame] = [...framer];
    expect(frame?.bytes.equals(query)).toBe(true);
  });

  test('refuses a length over the limit as soon as the header is there', () => {
    const framer = createFramer({ maxFrameBytes: 100, expectStartup: false });
    framer.push(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]));
    expect(() => framer.next()).toThrow(WireError);
    expect(() => framer.push(Buffer.alloc(1))).toThrow(/2147483647/);
  });

  test.each([0, 1, 2, 3])('refuses a length of %i, which is shorter than the field itself', (length) => {
    const framer = createFramer({ maxFrameBytes: 100, expectStartup: false });
    framer.push(Buffer.from([0x51, 0, 0, 0, length]));
    expect(() => framer.next()).toThrow(/invalid message length/);
  });

  test('refuses a start-up packet longer than PostgreSQL accepts', () => {
    const framer = createFramer({ maxFrameBytes: 1_000_000, expectStartup: true });
    framer.push(Buffer.from('GET / HTTP/1.1\r\n'));
    expect(() => framer.next()).toThrow(/invalid length of startup packet/);
  });

  test('delivers the whole messages that precede a bad one', () => {
    const framer = createFramer({ maxFrameBytes: 100, expectStartup: false });
    framer.push(Buffer.concat([sync, Buffer.from([0x51, 0, 0, 0, 0])]));
    expect(framer.next()?.type).toBe(0x53);
    expect(() => framer.next()).toThrow(WireError);
  });

  test('cuts random streams, randomly chunked, into the messages they were made of', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = createRandom(seed);
      const messages = Array.from({ length: 1 + random.integer(20) }, () => {
        const payload = random.bytes(random.integer(300));
        const head = Buffer.alloc(5);
        head[0] = 1 + random.integer(255);
        head.writeUInt32BE(payload.length + 4, 1);
        return Buffer.concat([head, payload]);
      });
      const stream = Buffer.concat(messages);
      const framer = createFramer({ maxFrameBytes: 400, expectStartup: false });
      const seen: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const end = Math.min(stream.length, at + 1 + random.integer(200));
        framer.push(stream.subarray(at, end));
        for (const frame of framer) seen.push(frame.bytes);
        at = end;
      }
      expect(seen.length, `seed ${seed}`).toBe(messages.length);
      expect(seen.every((bytes, at) => bytes.equals(messages[at] ?? Buffer.alloc(0)))).toBe(true);
    }
  });

  test('answers garbage with a WireError or with frames, never with anything else', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = createRandom(seed);
      const framer = createFramer({ maxFrameBytes: 1000, expectStartup: seed % 2 === 0 });
      try {
        framer.push(random.bytes(random.integer(2000)));
        for (const frame of framer) expect(frame.bytes.length).toBeGreaterThanOrEqual(5);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }
  });
});
