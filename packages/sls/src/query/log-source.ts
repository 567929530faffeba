/**
 * Where a logstore's rows are, as the index engine sees them: one text expression per key. Columns have names
 * of our own (`c0`, `c1`…), so no key ever stands in a statement.
 */
export interface LogSource {
  readonly table: string;
  /** Keys that have a column of their own, tags included as `__tag__:name`, and their column expression. */
  readonly columns: ReadonlyMap<string, string>;
  /** JSON object of the keys beyond the column cap; absent when there are none. */
  readonly overflow: string | undefined;
}

/** Names of the columns every log table has. */
export const logColumns = {
  time: 't',
  timeNs: 'ns',
  receivedAtMs: 'received',
  shard: 'shard',
  position: 'position',
  sequence: 'sequence',
  source: 'source',
  topic: 'topic',
  overflow: 'overflow',
} as const;

/** From the newest log to the oldest, the same on every run: time, arrival, place in its shard. */
export const newestFirst: readonly string[] = [
  logColumns.time,
  logColumns.timeNs,
  logColumns.receivedAtMs,
  logColumns.shard,
  logColumns.position,
  logColumns.sequence,
];

/** The text of `key`, or undefined when no log has it. */
export function textOfKey(source: LogSource, key: string): string | undefined {
  if (key === '__topic__') return logColumns.topic;
  if (key === '__source__') return logColumns.source;
  const column = source.columns.get(key);
  if (column !== undefined || source.overflow === undefined) return column;
  return `json_extract_string(${source.overflow}, ${jsonPath([key])})`;
}

/** Makes a quoted JSON path literal; works for any name. */
export function jsonPath(names: readonly string[]): string {
  const path = names.map((name) => `."${name.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`).join('');
  return `'$${path.replaceAll("'", "''")}'`;
}

/** A 64-bit integer as the service reads it: digits only, NULL for anything else (`1.5`, `1e3`, ` 7`). */
export function longOfText(text: string): string {
  return `(CASE WHEN regexp_full_match(${text}, '[+-]?[0-9]+') THEN TRY_CAST(${text} AS BIGINT) END)`;
}

/** A double, NULL where the text is not a number. */
export function doubleOfText(text: string): string {
  return `TRY_CAST(${text} AS DOUBLE)`;
}
