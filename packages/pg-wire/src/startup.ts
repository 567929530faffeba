import { ByteReader, MessageWriter } from './bytes.ts';
import { protocolVersion30, startupCodes } from './codes.ts';
import { sqlstates, WireError } from './sqlstate.ts';

/** What a letterless packet at the start of a connection asks for. */
export type StartupPacket =
  | {
      readonly kind: 'startup';
      readonly protocolMajor: number;
      readonly protocolMinor: number;
      /** Without the protocol extensions (`_pq_.…`), which are in `extensions`. */
      readonly parameters: Map<string, string>;
      /** Names beginning with `_pq_.`; a server that knows none answers with NegotiateProtocolVersion. */
      readonly extensions: readonly string[];
    }
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssenc' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: Buffer };

/** Longest cancel key of protocol 3.2. */
const cancelKeyBytesMax = 256;

/** Parses what follows the length of a letterless packet. Throws `WireError` on anything else. */
export function parseStartup(payload: Buffer): StartupPacket {
  const reader = new ByteReader(payload);
  const code = reader.uint32();
  if (code === startupCodes.ssl) return requestOf('ssl', reader);
  if (code === startupCodes.gssenc) return requestOf('gssenc', reader);
  if (code === startupCodes.cancel) return parseCancel(reader);
  const protocolMajor = code >>> 16;
  const protocolMinor = code & 0xffff;
  if (protocolMajor !== 3) {
    throw new WireError(
      sqlstates.featureNotSupported,
      `unsupported frontend protocol ${protocolMajor}.${protocolMinor}: server supports 3.0 to 3.0`,
    );
  }
  const parameters = new Map<string, string>();
  const extensions: string[] = [];
  for (;;) {
    if (reader.remaining === 0) throw layoutError();
    const name = reader.cstring();
    if (name === '') break;
    const value = reader.cstring();
    if (name.startsWith('_pq_.')) extensions.push(name);
    else parameters.set(name, value);
  }
  if (reader.remaining > 0) throw layoutError();
  return { kind: 'startup', protocolMajor, protocolMinor, parameters, extensions };
}

function requestOf(kind: 'ssl' | 'gssenc', reader: ByteReader): StartupPacket {
  reader.expectEnd();
  return { kind };
}

function parseCancel(reader: ByteReader): StartupPacket {
  const processId = reader.int32();
  const secretKey = reader.rest();
  if (secretKey.length === 0 || secretKey.length > cancelKeyBytesMax) {
    throw new WireError(sqlstates.protocolViolation, 'invalid length of query cancel packet');
  }
  return { kind: 'cancel', processId, secretKey };
}

function layoutError(): WireError {
  return new WireError(
    sqlstates.protocolViolation,
    'invalid startup packet layout: expected terminator as last byte',
  );
}

/** The packet with which a client opens a session of protocol 3.`minor`. */
export function encodeStartup(parameters: Iterable<readonly [string, string]>, minor = 0): Buffer {
  const writer = new MessageWriter(undefined, 256).int32(protocolVersion30 + minor);
  for (const [name, value] of parameters) writer.cstring(name).cstring(value);
  return writer.int8(0).finish();
}

/** The packet that asks for TLS; the answer is one byte, `S` or `N`. */
export function encodeSslRequest(): Buffer {
  return new MessageWriter(undefined).int32(startupCodes.ssl).finish();
}

/** The packet that asks to interrupt what the named session is doing. */
export function encodeCancelRequest(processId: number, secretKey: Uint8Array): Buffer {
  return new MessageWriter(undefined).int32(startupCodes.cancel).int32(processId).raw(secretKey).finish();
}
