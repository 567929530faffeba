import { isUtf8 } from 'node:buffer';

/** Below this length building a string from char codes beats a call into the runtime (measured on Node 20). */
const shortTextBytes = 24;

/** Decodes bytes that are mostly ASCII; invalid UTF-8 becomes U+FFFD. */
export function decodeText(buffer: Buffer, start: number, end: number): string {
  return shortAscii(buffer, start, end) ?? buffer.toString('utf8', start, end);
}

/** Decodes text losslessly: the bytes themselves (copied) when they are not UTF-8. */
export function decodeTextOrBytes(buffer: Buffer, start: number, end: number): string | Uint8Array {
  const text = decodeText(buffer, start, end);
  // A replacement character is either in the text itself or a sign of broken bytes; both are rare.
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) {
    return new Uint8Array(buffer.subarray(start, end));
  }
  return text;
}

function shortAscii(buffer: Buffer, start: number, end: number): string | undefined {
  if (end - start > shortTextBytes) return undefined;
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Slots of the table of known keys. Log keys are few and repeat in every log. */
const internSlots = 1024;
const internKeyBytesMax = 64;
const interned: (string | undefined)[] = new Array(internSlots).fill(undefined);

/**
 * Decodes a key, handing out the same string object for the same bytes while its slot lasts. The table has a
 * fixed size; a collision only costs a decode.
 */
export function decodeKey(buffer: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > internKeyBytesMax) return decodeText(buffer, start, end);
  let hash = length;
  for (let at = start; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte > 0x7f) return decodeText(buffer, start, end);
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const slot = (hash ^ (hash >>> 15)) & (internSlots - 1);
  const known = interned[slot];
  if (known !== undefined && isSame(known, buffer, start, length)) return known;
  const text = buffer.toString('latin1', start, end);
  interned[slot] = text;
  return text;
}

function isSame(text: string, buffer: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) !== buffer[start + index]) return false;
  }
  return true;
}
