import { createRandom } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import { WireError } from './sqlstate.ts';
import { encodeCancelRequest, encodeSslRequest, encodeStartup, parseStartup } from './startup.ts';

const version = (minor: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([0, 3, 0, minor]), Buffer.from(text)]);

describe('start-up packet', () => {
  test('yields its parameters', () => {
    const packet = parseStartup(version(0, 'user\0me\0database\0shop\0options\0-c timezone=UTC\0\0'));
    expect(packet).toMatchObject({ kind: 'startup', protocolMajor: 3, protocolMinor: 0, extensions: [] });
    expect(packet.kind === 'startup' && [...packet.parameters]).toEqual([
      ['user', 'me'],
      ['database', 'shop'],
      ['options', '-c timezone=UTC'],
    ]);
  });

  test('of protocol 3.2 with an extension names both, so that they can be negotiated', () => {
    const packet = parseStartup(version(2, 'user\0me\0_pq_.magic\0on\0\0'));
    expect(packet).toMatchObject({ protocolMinor: 2, extensions: ['_pq_.magic'] });
  });

  test('is what encodeStartup writes', () => {
    const bytes = encodeStartup([
      ['user', 'ünïcode'],
      ['database', ''],
    ]);
    expect(bytes.readUInt32BE(0)).toBe(bytes.length);
    const packet = parseStartup(bytes.subarray(4));
    expect(packet.kind === 'startup' && packet.parameters.get('user')).toBe('ünïcode');
    expect(packet.kind === 'startup' && packet.parameters.get('database')).toBe('');
  });

  test('asks for TLS or GSS', () => {
    expect(encodeSslRequest()).toEqual(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
    expect(parseStartup(Buffer.from([0x04, 0xd2, 0x16, 0x2f]))).toEqual({ kind: 'ssl' });
    expect(parseStartup(Buffer.from([0x04, 0xd2, 0x16, 0x30]))).toEqual({ kind: 'gssenc' });
  });

  test('cancels with a key of four or more bytes', () => {
    const short = encodeCancelRequest(-7, Buffer.from([1, 2, 3, 4]));
    expect(parseStartup(short.subarray(4))).toEqual({
      kind: 'cancel',
      processId: -7,
      secretKey: Buffer.from([1, 2, 3, 4]),
    });
    const long = parseStartup(encodeCancelRequest(1, Buffer.alloc(32, 9)).subarray(4));
    expect(long.kind === 'cancel' && long.secretKey.length).toBe(32);
  });

  test.each([
    ['version 2', Buffer.from([0, 2, 0, 0, 0])],
    ['an HTTP request', Buffer.from('T / HTTP/1.1\r\n')],
    ['no terminator', version(0, 'user\0me\0')],
    ['a name without a value', version(0, 'user\0')],
    ['bytes after the terminator', version(0, 'user\0me\0\0rest')],
    ['an unterminated name', version(0, 'user')],
    ['a cancel without a key', Buffer.from([0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1])],
    ['three bytes', Buffer.from([0, 3, 0])],
  ])('is refused when it is %s', (_, payload) => {
    expect(() => parseStartup(payload)).toThrow(WireError);
  });

  test('of random bytes is refused or parsed, never a crash', () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const random = createRandom(seed);
      const bytes = Buffer.from(random.bytes(random.integer(60)));
      if (seed % 2 === 0 && bytes.length >= 4) bytes.writeUInt32BE(0x00030000, 0);
      try {
        parseStartup(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }
  });
});
