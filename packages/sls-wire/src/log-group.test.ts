import { createRandom } from '@sampan/testkit';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import {
  countLogs,
  decodeLogGroup,
  encodeLogGroup,
  encodeLogGroupList,
  encodeLogTags,
  type LogGroup,
} from './log-group.ts';
import { SlsError } from './sls-error.ts';

/** The vendor's schema, read by an independent codec. Values are bytes there, to see them undecoded. */
const schema = protobuf.parse(
  `
  syntax = "proto2";
  message LogGroup {
    message Log {
      message Content { required string Key = 1; required bytes Value = 2; }
      required uint32 Time = 1;
      repeated Content Contents = 2;
      optional fixed32 TimeNs = 4;
    }
    message LogTag { required string Key = 1; required bytes Value = 2; }
    repeated Log Logs = 1;
    optional string Category = 2;
    optional string Topic = 3;
    optional string Source = 4;
    optional string MachineUUID = 5;
    repeated LogTag LogTags = 6;
  }
  message LogGroupList { repeated bytes logGroupList = 1; }
`,
  { keepCase: true },
).root;
const type = schema.lookupType('LogGroup');

interface Pair {
  Key: string;
  Value: Uint8Array;
}
interface Decoded {
  Logs: { Time: number; TimeNs?: number; Contents: Pair[] }[];
  Topic: string;
  Source: string;
  MachineUUID?: string;
  LogTags: Pair[];
}

function asBytes(value: string | Uint8Array): Buffer {
  return Buffer.from(typeof value === 'string' ? Buffer.from(value) : value);
}

function pairsOf(pairs: LogGroup['tags']): [string, string][] {
  return pairs.map(([key, value]) => [key, asBytes(value).toString('hex')]);
}

/** Both codecs' results in one shape. */
function ours(bytes: Uint8Array): unknown {
  const group = decodeLogGroup(bytes);
  expect(countLogs(bytes)).toBe(group.logs.length);
  return {
    topic: group.topic,
    source: group.source,
    machineUuid: group.machineUuid ?? '',
    tags: pairsOf(group.tags),
    logs: group.logs.map((log) => [log.time, log.timeNs ?? 0, pairsOf(log.contents)]),
  };
}

function theirs(bytes: Uint8Array): unknown {
  const group = type.decode(bytes) as unknown as Decoded;
  const pairs = (list: Pair[]): [string, string][] =>
    list.map((pair) => [pair.Key, Buffer.from(pair.Value).toString('hex')]);
  return {
    topic: group.Topic,
    source: group.Source,
    machineUuid: group.MachineUUID ?? '',
    tags: pairs(group.LogTags),
    logs: group.Logs.map((log) => [log.Time, log.TimeNs ?? 0, pairs(log.Contents)]),
  };
}

function sample(): Uint8Array {
  return type
    .encode({
      Logs: [
        {
          Time: 1_700_000_000,
          TimeNs: 123_456_789,
          Contents: [
            { Key: 'id', Value: Buffer.from('a-1') },
            { Key: 'id', Value: Buffer.from('') },
            { Key: '中文键', Value: Buffer.from('日志服务 with a tail that is longer than the short path') },
            { Key: 'raw', Value: Buffer.of(0xff, 0xfe, 0x00, 0x80) },
          ],
        },
        { Time: 4_294_967_295, Contents: [] },
      ],
      Topic: 'orders',
      Source: '10.0.0.1',
      LogTags: [{ Key: '__pack_id__', Value: Buffer.from('ABC-1') }],
    })
    .finish();
}

describe('LogGroup', () => {
  it('reads what an independent codec wrote, repeated keys, empty values and broken UTF-8 included', () => {
    const group = decodeLogGroup(sample());
    expect(group).toEqual({
      topic: 'orders',
      source: '10.0.0.1',
      tags: [['__pack_id__', 'ABC-1']],
      logs: [
        {
          time: 1_700_000_000,
          timeNs: 123_456_789,
          contents: [
            ['id', 'a-1'],
            ['id', ''],
            ['中文键', '日志服务 with a tail that is longer than the short path'],
            ['raw', Uint8Array.of(0xff, 0xfe, 0x00, 0x80)],
          ],
        },
        { time: 4_294_967_295, contents: [] },
      ],
    });
  });

  it('writes bytes that an independent codec reads as the same log group', () => {
    const group: LogGroup = {
      topic: '',
      source: 's',
      machineUuid: 'm-1',
      tags: [['t', 'ü']],
      logs: [
        {
          time: 1,
          timeNs: 7,
          contents: [
            ['k', 'x'.repeat(300)],
            ['raw', Uint8Array.of(0xc0)],
          ],
        },
        { time: 200, contents: [] },
      ],
    };
    const bytes = encodeLogGroup(group);
    expect(theirs(bytes)).toEqual(ours(bytes));
    expect(decodeLogGroup(bytes)).toEqual(group);
  });

  it('keeps a genuine replacement character as text', () => {
    const bytes = encodeLogGroup({
      topic: '',
      source: '',
      tags: [],
      logs: [{ time: 1, contents: [['k', '\ufffd']] }],
    });
    expect(decodeLogGroup(bytes).logs[0]?.contents).toEqual([['k', '\ufffd']]);
  });

  it('takes tags that are put behind an encoded group', () => {
    const bytes = Buffer.concat([sample(), encodeLogTags([['__client_ip__', '127.0.0.1']])]);
    expect(decodeLogGroup(bytes).tags).toEqual([
      ['__pack_id__', 'ABC-1'],
      ['__client_ip__', '127.0.0.1'],
    ]);
  });

  it('passes over unknown fields of every wire type and takes fields in any order', () => {
    const unknown = Buffer.from([
      0x50,
      0x96,
      0x01, // field 10, varint
      0x59,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8, // field 11, fixed64
      0x62,
      2,
      0xaa,
      0xbb, // field 12, bytes
      0x6d,
      1,
      2,
      3,
      4, // field 13, fixed32
      0x73,
      0x08,
      0x01,
      0x74, // field 14, group with one varint
    ]);
    const tail = Buffer.from([0x1a, 1, 0x74]); // topic "t" after everything else
    const log = Buffer.from([0x0a, 9, 0x12, 5, 0x12, 1, 0x76, 0x0a, 0x00, 0x08, 0x05]); // value before key, time last
    const bytes = Buffer.concat([unknown, log, unknown, tail]);
    expect(decodeLogGroup(bytes)).toEqual({
      topic: 't',
      source: '',
      tags: [],
      logs: [{ time: 5, contents: [['', 'v']] }],
    });
    expect(ours(bytes)).toEqual(theirs(bytes));
  });

  it('takes the low 32 bits of a ten-byte varint and refuses an eleventh byte', () => {
    const ten = Buffer.from([0x0a, 11, 0x08, 0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
    expect(decodeLogGroup(ten).logs).toEqual([{ time: 5, contents: [] }]);
    expect(ours(ten)).toEqual(theirs(ten));
    const eleven = Buffer.from([0x0a, 12, 0x08, ...new Array<number>(10).fill(0x80), 0x01]);
    expect(() => decodeLogGroup(eleven)).toThrow(SlsError);
  });

  it.each([
    ['a log without a time', [0x0a, 0]],
    ['a pair without a value', [0x0a, 7, 0x08, 1, 0x12, 3, 0x0a, 1, 0x6b]],
    ['a length beyond the end', [0x0a, 5, 0x08, 1]],
    ['a length beyond its message', [0x0a, 4, 0x08, 1, 0x12, 9, 0x0a, 1, 0x6b, 0x12, 1, 0x76]],
    ['a length of four gigabytes', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['field number 0', [0x02, 0]],
    ['a group end without a start', [0x0c]],
    ['wire type 6', [0x0e]],
    ['groups within groups without end', new Array<number>(64).fill(0x73)],
  ])('refuses %s with the vendor sentence', (_, bytes) => {
    for (const read of [decodeLogGroup, countLogs]) {
      expect(() => read(Uint8Array.from(bytes))).toThrow(
        expect.objectContaining({
          status: 400,
          errorCode: 'PostBodyInvalid',
          errorMessage: 'Protobuffer content cannot be parsed',
        }),
      );
    }
  });

  it('agrees with an independent codec on every truncation', () => {
    const whole = sample();
    for (let end = 0; end < whole.length; end++) expectAgreement(whole.subarray(0, end));
  });

  it('agrees with an independent codec on 20,000 damaged groups', () => {
    const random = createRandom(20_240);
    const whole = sample();
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from(whole);
      for (let hits = 1 + random.integer(3); hits > 0; hits--)
        bytes[random.integer(bytes.length)] = random.integer(256);
      expectAgreement(bytes);
    }
  });
});

/**
 * Equal results, or both refuse. Where only one refuses the reason is known: the other codec reads a known
 * field whatever its wire type says, accepts 0 as field number, and lets a nested message end beyond its parent.
 */
function expectAgreement(bytes: Uint8Array): void {
  const a = attempt(() => ours(bytes));
  const b = attempt(() => theirs(bytes));
  if (a.error !== undefined) expect(a.error).toBeInstanceOf(SlsError);
  if (a.error === undefined && b.error === undefined && !hasForeignWireType(bytes)) {
    expect(a.value).toEqual(b.value);
  }
}

function attempt(run: () => unknown): { value?: unknown; error?: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

/** True when re-encoding does not give the bytes back, which marks fields that one side passed over. */
function hasForeignWireType(bytes: Uint8Array): boolean {
  return !Buffer.from(bytes).equals(encodeLogGroup(decodeLogGroup(bytes)));
}

it('puts groups of every size into a list that an independent codec takes apart', () => {
  const random = createRandom(3);
  const groups = [0, 1, 127, 128, 16_383, 16_384, 70_000].map((size) => Buffer.from(random.bytes(size)));
  const list = schema.lookupType('LogGroupList').decode(encodeLogGroupList(groups)) as unknown as {
    logGroupList: Uint8Array[];
  };
  expect(list.logGroupList.map((group) => Buffer.from(group))).toEqual(groups);
  expect(encodeLogGroupList([])).toHaveLength(0);
});
