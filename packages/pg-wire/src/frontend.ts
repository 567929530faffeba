import { ByteReader, MessageWriter } from './bytes.ts';
import { clientTags } from './codes.ts';
import { sqlstates, WireError } from './sqlstate.ts';

export interface ParseMessage {
  readonly name: string;
  readonly query: string;
  readonly parameterTypes: readonly number[];
}

export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  /** 0 text, 1 binary; empty: all text; one entry: for all. */
  readonly parameterFormats: readonly number[];
  readonly parameters: readonly (Buffer | null)[];
  readonly resultFormats: readonly number[];
}

/** What Describe and Close name: a prepared statement (S) or a portal (P). */
export interface TargetMessage {
  readonly target: 'S' | 'P';
  readonly name: string;
}

export interface ExecuteMessage {
  readonly portal: string;
  /** 0 means all. */
  readonly rowsMax: number;
}

export interface SaslInitialResponse {
  readonly mechanism: string;
  readonly data: Buffer;
}

/** The SQL text of a simple query. */
export function parseQuery(payload: Buffer): string {
  return soleString(payload);
}

/** The text of a PasswordMessage. */
export function parsePassword(payload: Buffer): string {
  return soleString(payload);
}

/** The reason in a CopyFail. */
export function parseCopyFail(payload: Buffer): string {
  return soleString(payload);
}

export function parseParse(payload: Buffer): ParseMessage {
  const reader = new ByteReader(payload);
  const name = reader.cstring();
  const query = reader.cstring();
  const parameterTypes = Array.from({ length: reader.count16() }, () => reader.uint32());
  reader.expectEnd();
  return { name, query, parameterTypes };
}

export function parseBind(payload: Buffer): BindMessage {
  const reader = new ByteReader(payload);
  const portal = reader.cstring();
  const statement = reader.cstring();
  const parameterFormats = Array.from({ length: reader.count16() }, () => reader.int16());
  const parameters = Array.from({ length: reader.count16() }, () => reader.value());
  const resultFormats = Array.from({ length: reader.count16() }, () => reader.int16());
  reader.expectEnd();
  return { portal, statement, parameterFormats, parameters, resultFormats };
}

export function parseDescribe(payload: Buffer): TargetMessage {
  return parseTarget(payload, 'DESCRIBE');
}

export function parseClose(payload: Buffer): TargetMessage {
  return parseTarget(payload, 'CLOSE');
}

export function parseExecute(payload: Buffer): ExecuteMessage {
  const reader = new ByteReader(payload);
  const portal = reader.cstring();
  const rowsMax = reader.int32();
  reader.expectEnd();
  return { portal, rowsMax };
}

/** The first SASL answer. Absent data (length -1) is returned as an empty buffer. */
export function parseSaslInitialResponse(payload: Buffer): SaslInitialResponse {
  const reader = new ByteReader(payload);
  const mechanism = reader.cstring();
  const data = reader.value() ?? Buffer.alloc(0);
  reader.expectEnd();
  return { mechanism, data };
}

/** The later SASL answers are bytes without a frame of their own. */
export function parseSaslResponse(payload: Buffer): Buffer {
  return payload;
}

export function encodeQuery(sql: string): Buffer {
  return new MessageWriter(clientTags.query, sql.length + 16).cstring(sql).finish();
}

export function encodePassword(password: string): Buffer {
  return new MessageWriter(clientTags.password).cstring(password).finish();
}

export function encodeSaslInitialResponse(mechanism: string, data: Uint8Array): Buffer {
  return new MessageWriter(clientTags.password).cstring(mechanism).value(data).finish();
}

export function encodeSaslResponse(data: Uint8Array): Buffer {
  return new MessageWriter(clientTags.password).raw(data).finish();
}

export function encodeParse(message: ParseMessage): Buffer {
  const writer = new MessageWriter(clientTags.parse, message.query.length + 64)
    .cstring(message.name)
    .cstring(message.query)
    .int16(message.parameterTypes.length);
  for (const type of message.parameterTypes) writer.int32(type);
  return writer.finish();
}

export function encodeBind(message: BindMessage): Buffer {
  const writer = new MessageWriter(clientTags.bind).cstring(message.portal).cstring(message.statement);
  writer.int16(message.parameterFormats.length);
  for (const format of message.parameterFormats) writer.int16(format);
  writer.int16(message.parameters.length);
  for (const parameter of message.parameters) writer.value(parameter);
  writer.int16(message.resultFormats.length);
  for (const format of message.resultFormats) writer.int16(format);
  return writer.finish();
}

export function encodeDescribe(message: TargetMessage): Buffer {
  return encodeTarget(clientTags.describe, message);
}

export function encodeClose(message: TargetMessage): Buffer {
  return encodeTarget(clientTags.close, message);
}

export function encodeExecute(message: ExecuteMessage): Buffer {
  return new MessageWriter(clientTags.execute).cstring(message.portal).int32(message.rowsMax).finish();
}

export function encodeSync(): Buffer {
  return new MessageWriter(clientTags.sync).finish();
}

export function encodeFlush(): Buffer {
  return new MessageWriter(clientTags.flush).finish();
}

export function encodeTerminate(): Buffer {
  return new MessageWriter(clientTags.terminate).finish();
}

export function encodeCopyFail(reason: string): Buffer {
  return new MessageWriter(clientTags.copyFail).cstring(reason).finish();
}

function soleString(payload: Buffer): string {
  const reader = new ByteReader(payload);
  const text = reader.cstring();
  reader.expectEnd();
  return text;
}

function parseTarget(payload: Buffer, what: string): TargetMessage {
  const reader = new ByteReader(payload);
  const letter = reader.int8();
  const name = reader.cstring();
  reader.expectEnd();
  if (letter === 0x53) return { target: 'S', name };
  if (letter === 0x50) return { target: 'P', name };
  throw new WireError(sqlstates.protocolViolation, `invalid ${what} message subtype ${letter}`);
}

function encodeTarget(tag: number, message: TargetMessage): Buffer {
  return new MessageWriter(tag).int8(message.target.charCodeAt(0)).cstring(message.name).finish();
}
