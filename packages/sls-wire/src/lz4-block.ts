/** Thrown when bytes are not one LZ4 block of the declared size. */
export class Lz4Error extends Error {
  override readonly name = 'Lz4Error';
}

/** Shortest match of the block format (lz4 block format description, "Match length"). */
const matchBytesMin = 4;

/**
 * Decodes one raw LZ4 block (no frame, no size prefix) into exactly `rawBytes` bytes. Never writes beyond the
 * declared size and never reads outside the input; anything that would is an `Lz4Error`.
 */
export function decodeLz4Block(input: Uint8Array, rawBytes: number): Buffer {
  const output = Buffer.allocUnsafe(rawBytes);
  const inputEnd = input.length;
  let from = 0;
  let to = 0;
  while (from < inputEnd) {
    const token = input[from++] as number;

    let literals = token >>> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (from >= inputEnd) throw new Lz4Error('input ends within a literal length');
        more = input[from++] as number;
        literals += more;
      } while (more === 255);
    }
    if (literals > inputEnd - from) throw new Lz4Error('literals reach beyond the input');
    if (literals > rawBytes - to) throw new Lz4Error('literals reach beyond the declared size');
    if (literals < 32) for (const stop = to + literals; to < stop; ) output[to++] = input[from++] as number;
    else {
      output.set(input.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    }
    // The last sequence has no match.
    if (from === inputEnd) break;

    if (inputEnd - from < 2) throw new Lz4Error('input ends within an offset');
    const offset = (input[from] as number) | ((input[from + 1] as number) << 8);
    from += 2;
    if (offset === 0 || offset > to) throw new Lz4Error('offset points before the start');

    let length = token & 15;
    if (length === 15) {
      let more: number;
      do {
        if (from >= inputEnd) throw new Lz4Error('input ends within a match length');
        more = input[from++] as number;
        length += more;
      } while (more === 255);
    }
    length += matchBytesMin;
    if (length > rawBytes - to) throw new Lz4Error('a match reaches beyond the declared size');
    to = copyMatch(output, to, offset, length);
  }
  if (to !== rawBytes) throw new Lz4Error(`block holds ${to} bytes, ${rawBytes} were declared`);
  return output;
}

/** Copies from earlier output. An offset shorter than the match repeats what is being written. */
function copyMatch(output: Buffer, to: number, offset: number, length: number): number {
  if (offset >= length && length > 32) {
    output.copyWithin(to, to - offset, to - offset + length);
    return to + length;
  }
  let next = to;
  for (const stop = to + length; next < stop; next++) output[next] = output[next - offset] as number;
  return next;
}
