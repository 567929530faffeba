import { ProtobufError, ProtobufReader, varintBytes, wireTypes, writeVarint } from './protobuf.ts';
import { slsErrors } from './sls-error.ts';
import { decodeKey, decodeText, decodeTextOrBytes } from './text-decoding.ts';

/** Text, or the bytes of a value that is not UTF-8. */
export type LogValue = string | Uint8Array;

/** One log. Keys may repeat; order is the order on the wire. */
export interface Log {
  /** Seconds since the Unix epoch (uint32). */
  readonly time: number;
  /** Nanoseconds within the second, when the producer sent them. */
  readonly timeNs?: number;
  readonly contents: readonly (readonly [key: string, value: LogValue])[];
}

/** One PutLogs body: what a producer sends together. */
export interface LogGroup {
  readonly topic: string;
  readonly source: string;
  readonly machineUuid?: string;
  readonly tags: readonly (readonly [key: string, value: LogValue])[];
  readonly logs: readonly Log[];
}

/** Field tags (number and wire type) of LogGroup, Log, Content, LogTag and LogGroupList in the vendor's proto2 file. */
const tags = {
  groupLogs: (1 << 3) | wireTypes.bytes,
  groupTopic: (3 << 3) | wireTypes.bytes,
  groupSource: (4 << 3) | wireTypes.bytes,
  groupMachineUuid: (5 << 3) | wireTypes.bytes,
  groupTags: (6 << 3) | wireTypes.bytes,
  logTime: (1 << 3) | wireTypes.varint,
  logContents: (2 << 3) | wireTypes.bytes,
  logTimeNs: (4 << 3) | wireTypes.fixed32,
  pairKey: (1 << 3) | wireTypes.bytes,
  pairValue: (2 << 3) | wireTypes.bytes,
  listGroups: (1 << 3) | wireTypes.bytes,
} as const;

/** Decodes a LogGroup. Throws the vendor's `PostBodyInvalid` when the bytes are not one. */
export function decodeLogGroup(bytes: Uint8Array): LogGroup {
  return withVendorError(() => readGroup(new ProtobufReader(bytes)));
}

/**
 * Checks that the bytes are a LogGroup without making a single string, and counts the logs. It accepts exactly
 * what `decodeLogGroup` accepts. Throws the vendor's `PostBodyInvalid`.
 */
export function countLogs(bytes: Uint8Array): number {
  return withVendorError(() => {
    const reader = new ProtobufReader(bytes);
    let logs = 0;
    while (reader.at < reader.end) {
      const tag = reader.tag();
      if (tag === tags.groupLogs) {
        within(reader, checkLog);
        logs += 1;
      } else if (tag === tags.groupTags) within(reader, checkPair);
      else reader.skip(tag);
    }
    return logs;
  });
}

function withVendorError<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ProtobufError) throw slsErrors.postBodyInvalid();
    throw error;
  }
}

/** Runs `read` on a length-prefixed message, with the reader's end moved to the end of that message. */
function within<T>(reader: ProtobufReader, read: (reader: ProtobufReader) => T): T {
  const length = reader.length();
  const outer = reader.end;
  reader.end = reader.at + length;
  const value = read(reader);
  reader.end = outer;
  return value;
}

function readGroup(reader: ProtobufReader): LogGroup {
  let topic = '';
  let source = '';
  let machineUuid: string | undefined;
  const groupTags: (readonly [string, LogValue])[] = [];
  const logs: Log[] = [];
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === tags.groupLogs) logs.push(within(reader, readLog));
    else if (tag === tags.groupTags) groupTags.push(within(reader, readPair));
    else if (tag === tags.groupTopic) topic = readText(reader);
    else if (tag === tags.groupSource) source = readText(reader);
    else if (tag === tags.groupMachineUuid) machineUuid = readText(reader);
    else reader.skip(tag);
  }
  const group = { topic, source, tags: groupTags, logs };
  return machineUuid === undefined ? group : { ...group, machineUuid };
}

function readLog(reader: ProtobufReader): Log {
  let time: number | undefined;
  let timeNs: number | undefined;
  const contents: (readonly [string, LogValue])[] = [];
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === tags.logContents) contents.push(within(reader, readPair));
    else if (tag === tags.logTime) time = reader.uint32();
    else if (tag === tags.logTimeNs) timeNs = reader.fixed32();
    else reader.skip(tag);
  }
  if (time === undefined) throw new ProtobufError('a log has no Time');
  return timeNs === undefined ? { time, contents } : { time, timeNs, contents };
}

function readPair(reader: ProtobufReader): readonly [string, LogValue] {
  let key: string | undefined;
  let value: LogValue | undefined;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === tags.pairKey) {
      const end = reader.length() + reader.at;
      key = decodeKey(reader.buffer, reader.at, end);
      reader.at = end;
    } else if (tag === tags.pairValue) {
      const end = reader.length() + reader.at;
      value = decodeTextOrBytes(reader.buffer, reader.at, end);
      reader.at = end;
    } else reader.skip(tag);
  }
  if (key === undefined || value === undefined) throw new ProtobufError('a pair has no Key or no Value');
  return [key, value];
}

function readText(reader: ProtobufReader): string {
  const end = reader.length() + reader.at;
  const text = decodeText(reader.buffer, reader.at, end);
  reader.at = end;
  return text;
}

function checkLog(reader: ProtobufReader): void {
  let hasTime = false;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === tags.logContents) within(reader, checkPair);
    else {
      if (tag === tags.logTime) hasTime = true;
      reader.skip(tag);
    }
  }
  if (!hasTime) throw new ProtobufError('a log has no Time');
}

function checkPair(reader: ProtobufReader): void {
  let seen = 0;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === tags.pairKey) seen |= 1;
    else if (tag === tags.pairValue) seen |= 2;
    reader.skip(tag);
  }
  if (seen !== 3) throw new ProtobufError('a pair has no Key or no Value');
}

/** Encodes a LogGroup as the vendor's SDKs do: fields in ascending order, Topic and Source always present. */
export function encodeLogGroup(group: LogGroup): Buffer {
  const logSizes = group.logs.map(logBytes);
  let size = valueFieldBytes(group.topic) + valueFieldBytes(group.source);
  for (const bytes of logSizes) size += messageFieldBytes(bytes);
  if (group.machineUuid !== undefined) size += valueFieldBytes(group.machineUuid);
  for (const pair of group.tags) size += messageFieldBytes(pairBytes(pair));

  const target = Buffer.allocUnsafe(size);
  let at = 0;
  group.logs.forEach((log, index) => {
    at = writeHead(target, at, tags.groupLogs, logSizes[index] ?? 0);
    at = writeLog(target, at, log);
  });
  at = writeValue(target, at, tags.groupTopic, group.topic);
  at = writeValue(target, at, tags.groupSource, group.source);
  if (group.machineUuid !== undefined) {
    at = writeValue(target, at, tags.groupMachineUuid, group.machineUuid);
  }
  for (const pair of group.tags) at = writePair(target, at, tags.groupTags, pair);
  return target;
}

/** Encodes further tags so that they can be put behind the bytes of an already encoded LogGroup. */
export function encodeLogTags(pairs: readonly (readonly [string, LogValue])[]): Buffer {
  let size = 0;
  for (const pair of pairs) size += messageFieldBytes(pairBytes(pair));
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for (const pair of pairs) at = writePair(target, at, tags.groupTags, pair);
  return target;
}

/** Puts encoded LogGroups into one LogGroupList, byte for byte. */
export function encodeLogGroupList(groups: readonly Uint8Array[]): Buffer {
  let size = 0;
  for (const group of groups) size += messageFieldBytes(group.length);
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  for (const group of groups) {
    at = writeHead(target, at, tags.listGroups, group.length);
    target.set(group, at);
    at += group.length;
  }
  return target;
}

function valueBytes(value: LogValue): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

/** All field numbers here are below 16, so each tag takes one byte. */
function messageFieldBytes(bytes: number): number {
  return 1 + varintBytes(bytes) + bytes;
}

function valueFieldBytes(value: LogValue): number {
  return messageFieldBytes(valueBytes(value));
}

function pairBytes(pair: readonly [string, LogValue]): number {
  return valueFieldBytes(pair[0]) + valueFieldBytes(pair[1]);
}

function logBytes(log: Log): number {
  let size = 1 + varintBytes(log.time >>> 0) + (log.timeNs === undefined ? 0 : 5);
  for (const pair of log.contents) size += messageFieldBytes(pairBytes(pair));
  return size;
}

function writeHead(target: Buffer, at: number, tag: number, bytes: number): number {
  target[at] = tag;
  return writeVarint(target, at + 1, bytes);
}

function writeValue(target: Buffer, at: number, tag: number, value: LogValue): number {
  const start = writeHead(target, at, tag, valueBytes(value));
  if (typeof value === 'string') return start + target.write(value, start);
  target.set(value, start);
  return start + value.length;
}

function writePair(target: Buffer, at: number, tag: number, pair: readonly [string, LogValue]): number {
  const start = writeHead(target, at, tag, pairBytes(pair));
  return writeValue(target, writeValue(target, start, tags.pairKey, pair[0]), tags.pairValue, pair[1]);
}

function writeLog(target: Buffer, at: number, log: Log): number {
  target[at] = tags.logTime;
  let next = writeVarint(target, at + 1, log.time >>> 0);
  for (const pair of log.contents) next = writePair(target, next, tags.logContents, pair);
  if (log.timeNs === undefined) return next;
  target[next] = tags.logTimeNs;
  return target.writeUInt32LE(log.timeNs >>> 0, next + 1);
}
