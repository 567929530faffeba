import { createRandom } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import * as wire from './index.ts';

const payloadOf = (message: Buffer): Buffer => {
  expect(message.readUInt32BE(1)).toBe(message.length - 1);
  return message.subarray(5);
};

describe('messages of a client', () => {
  test('Query is a letter, a length and text that ends with zero', () => {
    expect(wire.encodeQuery('SELECT 1')).toEqual(
      Buffer.from([0x51, 0, 0, 0, 13, ...Buffer.from('SELECT 1'), 0]),
    );
    expect(wire.parseQuery(payloadOf(wire.encodeQuery('é'.repeat(2000))))).toBe('é'.repeat(2000));
  });

  test('Parse, Bind, Describe, Execute and Close survive a round trip', () => {
    const parse = { name: 's1', query: 'SELECT $1::int', parameterTypes: [23, 0xffffffff] };
    expect(wire.parseParse(payloadOf(wire.encodeParse(parse)))).toEqual(parse);
    const bind = {
      portal: '',
      statement: 's1',
      parameterFormats: [0, 1],
      parameters: [Buffer.from('42'), null, Buffer.alloc(0)],
      resultFormats: [1],
    };
    expect(wire.parseBind(payloadOf(wire.encodeBind(bind)))).toEqual(bind);
    const target = { target: 'P', name: 'c' } as const;
    expect(wire.parseDescribe(payloadOf(wire.encodeDescribe(target)))).toEqual(target);
    expect(wire.parseClose(payloadOf(wire.encodeClose(target)))).toEqual(target);
    const execute = { portal: 'c', rowsMax: 50 };
    expect(wire.parseExecute(payloadOf(wire.encodeExecute(execute)))).toEqual(execute);
  });

  test('SASL answers carry mechanism and data', () => {
    const first = wire.encodeSaslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,n=,r=x'));
    expect(wire.parseSaslInitialResponse(payloadOf(first))).toEqual({
      mechanism: 'SCRAM-SHA-256',
      data: Buffer.from('n,,n=,r=x'),
    });
  });

  test('a negative length inside Bind is a protocol violation', () => {
    const payload = Buffer.from([0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0]);
    expect(() => wire.parseBind(payload)).toThrow(/insufficient data/);
  });

  test('cut or random payloads give a WireError or a message, never a crash', () => {
    const parsers = [
      wire.parseQuery,
      wire.parsePassword,
      wire.parseParse,
      wire.parseBind,
      wire.parseDescribe,
      wire.parseExecute,
      wire.parseClose,
      wire.parseSaslInitialResponse,
      wire.parseAuthentication,
      wire.parseParameterStatus,
      wire.parseBackendKeyData,
      wire.parseReadyForQuery,
      wire.parseDataRow,
      wire.parseErrorFields,
    ];
    for (let seed = 1; seed <= 300; seed++) {
      const random = createRandom(seed);
      const payload = Buffer.from(random.bytes(random.integer(40)));
      for (const parse of parsers) {
        try {
          parse(payload);
        } catch (error) {
          expect(error, `seed ${seed}`).toBeInstanceOf(wire.WireError);
        }
      }
    }
  });
});

describe('messages of a server', () => {
  test('ErrorResponse has both severities, code, text and only the fields given', () => {
    const bytes = wire.encodeErrorResponse({
      severity: 'ERROR',
      code: '42601',
      message: 'syntax error at or near "FORM"',
      position: 10,
    });
    expect(bytes.toString('latin1')).toBe(
      'E\0\0\0\x3eSERROR\0VERROR\0C42601\0Msyntax error at or near "FORM"\0P10\0\0',
    );
    expect(Object.fromEntries(wire.parseErrorFields(payloadOf(bytes)))).toMatchObject({
      C: '42601',
      P: '10',
    });
  });

  test('text with a zero byte cannot break the frame', () => {
    const bytes = wire.encodeErrorResponse({ severity: 'ERROR', code: '22021', message: 'a\0b' });
    expect(wire.parseErrorFields(payloadOf(bytes)).get('M')).toBe('a\uFFFDb');
  });

  test('DataRow tells NULL from the empty text', () => {
    const bytes = wire.encodeDataRow(['a', '', null, Buffer.from([0, 1])]);
    expect(bytes).toEqual(
      Buffer.from([
        0x44, 0, 0, 0, 25, 0, 4, 0, 0, 0, 1, 0x61, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0, 1,
      ]),
    );
    expect(wire.parseDataRow(payloadOf(bytes))).toEqual([
      Buffer.from('a'),
      Buffer.alloc(0),
      null,
      Buffer.from([0, 1]),
    ]);
  });

  test('DataRow grows to hold values of any size', () => {
    const long = '日本語'.repeat(100_000);
    expect(wire.parseDataRow(payloadOf(wire.encodeDataRow([long, 'x'])))[0]?.toString()).toBe(long);
  });

  test('RowDescription lays out each column in 18 bytes after its name', () => {
    const bytes = wire.encodeRowDescription([{ name: 'n', typeOid: 20, typeLength: 8 }]);
    expect(bytes).toEqual(
      Buffer.from([
        0x54, 0, 0, 0, 26, 0, 1, 0x6e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 8, 0xff, 0xff, 0xff, 0xff, 0, 0,
      ]),
    );
  });

  test('the fixed messages are the documented bytes', () => {
    expect(wire.encodeReadyForQuery('T')).toEqual(Buffer.from([0x5a, 0, 0, 0, 5, 0x54]));
    expect(wire.encodeAuthenticationOk()).toEqual(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]));
    expect(wire.encodeCommandComplete('SELECT 1').toString('latin1')).toBe('C\0\0\0\rSELECT 1\0');
    expect(wire.encodeAuthenticationSasl(['SCRAM-SHA-256']).toString('latin1')).toBe(
      'R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0',
    );
    expect(wire.encodeNegotiateProtocolVersion(['_pq_.x']).toString('latin1')).toBe(
      'v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0',
    );
    expect(wire.encodeParameterDescription([23])).toEqual(
      Buffer.from([0x74, 0, 0, 0, 10, 0, 1, 0, 0, 0, 23]),
    );
  });

  test('Authentication requests are recognised', () => {
    const parsed = (bytes: Buffer) => wire.parseAuthentication(payloadOf(bytes));
    expect(parsed(wire.encodeAuthenticationOk())).toEqual({ kind: 'ok' });
    expect(parsed(wire.encodeAuthenticationMd5Password(Buffer.from('salt')))).toEqual({
      kind: 'md5',
      salt: Buffer.from('salt'),
    });
    expect(parsed(wire.encodeAuthenticationSasl(['A', 'B']))).toEqual({
      kind: 'sasl',
      mechanisms: ['A', 'B'],
    });
    expect(wire.parseAuthentication(Buffer.from([0, 0, 0, 7]))).toEqual({ kind: 'unsupported', code: 7 });
  });
});
