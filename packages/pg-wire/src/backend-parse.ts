import { ByteReader } from './bytes.ts';
import { authenticationCodes, type TransactionStatus } from './codes.ts';
import { sqlstates, WireError } from './sqlstate.ts';

/** What a server asks for while a session is opened. */
export type AuthenticationRequest =
  | { readonly kind: 'ok' }
  | { readonly kind: 'cleartext' }
  | { readonly kind: 'md5'; readonly salt: Buffer }
  | { readonly kind: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly kind: 'saslContinue'; readonly data: Buffer }
  | { readonly kind: 'saslFinal'; readonly data: Buffer }
  | { readonly kind: 'unsupported'; readonly code: number };

export function parseAuthentication(payload: Buffer): AuthenticationRequest {
  const reader = new ByteReader(payload);
  const code = reader.int32();
  switch (code) {
    case authenticationCodes.ok:
      return { kind: 'ok' };
    case authenticationCodes.cleartextPassword:
      return { kind: 'cleartext' };
    case authenticationCodes.md5Password:
      return { kind: 'md5', salt: reader.bytes(4) };
    case authenticationCodes.sasl:
      return { kind: 'sasl', mechanisms: parseMechanisms(reader) };
    case authenticationCodes.saslContinue:
      return { kind: 'saslContinue', data: reader.rest() };
    case authenticationCodes.saslFinal:
      return { kind: 'saslFinal', data: reader.rest() };
    default:
      return { kind: 'unsupported', code };
  }
}

function parseMechanisms(reader: ByteReader): string[] {
  const mechanisms: string[] = [];
  for (let name = reader.cstring(); name !== ''; name = reader.cstring()) mechanisms.push(name);
  return mechanisms;
}

export function parseParameterStatus(payload: Buffer): { readonly name: string; readonly value: string } {
  const reader = new ByteReader(payload);
  const parsed = { name: reader.cstring(), value: reader.cstring() };
  reader.expectEnd();
  return parsed;
}

export function parseBackendKeyData(payload: Buffer): {
  readonly processId: number;
  readonly secretKey: Buffer;
} {
  const reader = new ByteReader(payload);
  return { processId: reader.int32(), secretKey: Buffer.from(reader.rest()) };
}

export function parseReadyForQuery(payload: Buffer): TransactionStatus {
  const letter = payload.toString('latin1');
  if (letter === 'I' || letter === 'T' || letter === 'E') return letter;
  throw new WireError(sqlstates.protocolViolation, 'invalid transaction status in ReadyForQuery');
}

export function parseCommandComplete(payload: Buffer): string {
  return new ByteReader(payload).cstring();
}

/** The values of a row as bytes, `null` for NULL. */
export function parseDataRow(payload: Buffer): (Buffer | null)[] {
  const reader = new ByteReader(payload);
  const values = Array.from({ length: reader.count16() }, () => reader.value());
  reader.expectEnd();
  return values;
}

/** The fields of an ErrorResponse or NoticeResponse by their letter (`C` the SQLSTATE, `M` the message). */
export function parseErrorFields(payload: Buffer): Map<string, string> {
  const reader = new ByteReader(payload);
  const fields = new Map<string, string>();
  for (let letter = reader.int8(); letter !== 0; letter = reader.int8()) {
    fields.set(String.fromCharCode(letter), reader.cstring());
  }
  return fields;
}
