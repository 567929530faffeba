import { MessageWriter } from './bytes.ts';
import { authenticationCodes, protocolVersion30, serverTags, type TransactionStatus } from './codes.ts';

export interface ErrorFields {
  readonly severity: 'ERROR' | 'FATAL' | 'PANIC' | 'WARNING' | 'NOTICE' | 'DEBUG' | 'INFO' | 'LOG';
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** 1-based character position in the statement. */
  readonly position?: number;
}

export interface ColumnDescription {
  readonly name: string;
  readonly typeOid: number;
  /** `pg_type.typlen`; negative for variable width. */
  readonly typeLength: number;
  readonly typeModifier?: number;
  readonly tableOid?: number;
  readonly columnNumber?: number;
  /** 0 text (default), 1 binary. */
  readonly format?: number;
}

function encodeAuthentication(code: number, data?: Uint8Array): Buffer {
  const writer = new MessageWriter(serverTags.authentication).int32(code);
  if (data !== undefined) writer.raw(data);
  return writer.finish();
}

export function encodeAuthenticationOk(): Buffer {
  return encodeAuthentication(authenticationCodes.ok);
}

export function encodeAuthenticationCleartextPassword(): Buffer {
  return encodeAuthentication(authenticationCodes.cleartextPassword);
}

/** Asks for an MD5 answer computed with four random bytes. */
export function encodeAuthenticationMd5Password(salt: Uint8Array): Buffer {
  return encodeAuthentication(authenticationCodes.md5Password, salt);
}

/** Offers SASL mechanisms, the preferred one first. */
export function encodeAuthenticationSasl(mechanisms: readonly string[]): Buffer {
  const writer = new MessageWriter(serverTags.authentication).int32(authenticationCodes.sasl);
  for (const mechanism of mechanisms) writer.cstring(mechanism);
  return writer.int8(0).finish();
}

export function encodeAuthenticationSaslContinue(data: Uint8Array): Buffer {
  return encodeAuthentication(authenticationCodes.saslContinue, data);
}

export function encodeAuthenticationSaslFinal(data: Uint8Array): Buffer {
  return encodeAuthentication(authenticationCodes.saslFinal, data);
}

export function encodeParameterStatus(name: string, value: string): Buffer {
  return new MessageWriter(serverTags.parameterStatus).cstring(name).cstring(value).finish();
}

export function encodeBackendKeyData(processId: number, secretKey: Uint8Array): Buffer {
  return new MessageWriter(serverTags.backendKeyData).int32(processId).raw(secretKey).finish();
}

export function encodeReadyForQuery(status: TransactionStatus): Buffer {
  return new MessageWriter(serverTags.readyForQuery).int8(status.charCodeAt(0)).finish();
}

/** Tells a client of a newer minor version, or with unknown extensions, that 3.`minor` without them is spoken. */
export function encodeNegotiateProtocolVersion(unknownExtensions: readonly string[], minor = 0): Buffer {
  const writer = new MessageWriter(serverTags.negotiateProtocolVersion)
    .int32(protocolVersion30 + minor)
    .int32(unknownExtensions.length);
  for (const name of unknownExtensions) writer.cstring(name);
  return writer.finish();
}

export function encodeRowDescription(columns: readonly ColumnDescription[]): Buffer {
  const writer = new MessageWriter(serverTags.rowDescription, 16 + columns.length * 48).int16(columns.length);
  for (const column of columns) {
    writer
      .cstring(column.name)
      .int32(column.tableOid ?? 0)
      .int16(column.columnNumber ?? 0)
      .int32(column.typeOid)
      .int16(column.typeLength)
      .int32(column.typeModifier ?? -1)
      .int16(column.format ?? 0);
  }
  return writer.finish();
}

export function encodeDataRow(values: readonly (string | Uint8Array | null)[]): Buffer {
  const writer = new MessageWriter(serverTags.dataRow, 16 + values.length * 32).int16(values.length);
  for (const value of values) writer.value(value);
  return writer.finish();
}

export function encodeCommandComplete(tag: string): Buffer {
  return new MessageWriter(serverTags.commandComplete).cstring(tag).finish();
}

export function encodeEmptyQueryResponse(): Buffer {
  return new MessageWriter(serverTags.emptyQueryResponse).finish();
}

export function encodeParseComplete(): Buffer {
  return new MessageWriter(serverTags.parseComplete).finish();
}

export function encodeBindComplete(): Buffer {
  return new MessageWriter(serverTags.bindComplete).finish();
}

export function encodeCloseComplete(): Buffer {
  return new MessageWriter(serverTags.closeComplete).finish();
}

export function encodeNoData(): Buffer {
  return new MessageWriter(serverTags.noData).finish();
}

export function encodePortalSuspended(): Buffer {
  return new MessageWriter(serverTags.portalSuspended).finish();
}

export function encodeParameterDescription(typeOids: readonly number[]): Buffer {
  const writer = new MessageWriter(serverTags.parameterDescription).int16(typeOids.length);
  for (const typeOid of typeOids) writer.int32(typeOid);
  return writer.finish();
}

export function encodeErrorResponse(fields: ErrorFields): Buffer {
  return encodeFields(serverTags.errorResponse, fields);
}

export function encodeNoticeResponse(fields: ErrorFields): Buffer {
  return encodeFields(serverTags.noticeResponse, fields);
}

function encodeFields(tag: number, fields: ErrorFields): Buffer {
  const writer = new MessageWriter(tag, 128);
  const field = (letter: string, value: string | undefined): void => {
    if (value !== undefined) writer.int8(letter.charCodeAt(0)).cstring(value);
  };
  field('S', fields.severity);
  field('V', fields.severity);
  field('C', fields.code);
  field('M', fields.message);
  field('D', fields.detail);
  field('H', fields.hint);
  field('P', fields.position === undefined ? undefined : String(fields.position));
  return writer.int8(0).finish();
}
