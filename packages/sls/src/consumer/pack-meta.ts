import { decodeCursor, encodeCursor } from './cursor.ts';

/** Where one log stands: what `| with_pack_meta` hands out and GetContextLogs takes. */
export interface PackMeta {
  readonly shard: number;
  /** Of the log group. */
  readonly position: number;
  readonly logsInGroup: number;
  /** Of the log in its group, from 0. */
  readonly index: number;
}

/** Shard, cursor of the log group, its number of logs, and the log's index in it. */
export function encodePackMeta(meta: PackMeta): string {
  return `${meta.shard}|${encodeCursor(meta.position)}|${meta.logsInGroup}|${meta.index}`;
}

/** `undefined` when the text is not a pack meta. */
export function decodePackMeta(text: string): PackMeta | undefined {
  const match = /^(\d{1,9})\|([A-Za-z0-9+/=]{1,64})\|(\d{1,9})\|(\d{1,9})$/.exec(text);
  const position = decodeCursor(match?.[2] ?? '');
  if (match === null || position === undefined || position < 0) return undefined;
  return { shard: Number(match[1]), position, logsInGroup: Number(match[3]), index: Number(match[4]) };
}

/**
 * The instance of a producer and the number of its log group, from a pack id such as `895CEA449A52FE-1F`;
 * `undefined` when the text is not one.
 */
export function parsePackId(
  text: string,
): { readonly instance: string; readonly number: bigint } | undefined {
  const match = /^([0-9A-Za-z]{1,64})-([0-9A-Fa-f]{1,16})$/.exec(text);
  if (match === null) return undefined;
  return { instance: match[1] ?? '', number: BigInt(`0x${match[2] ?? '0'}`) };
}
