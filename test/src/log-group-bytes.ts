/** One log of a group. Values may be bytes, because the protocol does not demand UTF-8. */
export interface LogToEncode {
  /** Unix seconds. */
  readonly time: number;
  readonly contents: readonly (readonly [string, string | Uint8Array])[];
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

/** Encodes a `LogGroup` of the log service (proto2) by hand. */
export function encodeLogGroup(group: {
  readonly logs: readonly LogToEncode[];
  readonly topic?: string;
}): Buffer {
  const logs = group.logs.map((log) =>
    field(
      1,
      Buffer.concat([
        Buffer.concat([varint(8), varint(log.time)]),
        ...log.contents.map(([key, value]) => field(2, Buffer.concat([field(1, key), field(2, value)]))),
      ]),
    ),
  );
  return Buffer.concat([...logs, ...(group.topic === undefined ? [] : [field(3, group.topic)])]);
}

/** A valid raw LZ4 block that holds `bytes` as one run of literals. */
export function encodeLz4Literals(bytes: Uint8Array): Buffer {
  if (bytes.length < 15) return Buffer.concat([Buffer.from([bytes.length << 4]), bytes]);
  const rest = bytes.length - 15;
  const lengths = Buffer.alloc(Math.floor(rest / 255) + 1, 255);
  lengths[lengths.length - 1] = rest % 255;
  return Buffer.concat([Buffer.from([0xf0]), lengths, bytes]);
}
