import type { Log, LogGroup } from '@sampan/sls-wire';
import type { InsertRow, InsertStatement } from './insert-statement.ts';
import { PgError } from './pg-error.ts';

/** Where the values of a column go. Every other column is a field of the log. */
type Target = 'time' | 'timeNs' | 'topic' | 'source' | { readonly tag: string } | { readonly field: string };

export interface WriteContext {
  readonly nowMs: number;
  /** `__source__` of logs whose statement names none: the client's address. */
  readonly source: string;
}

const timeMax = 0xffff_ffff;
const timeNsMax = 999_999_999;

/**
 * Turns the rows of an INSERT into log groups, one per distinct topic, source and tags, so that a statement which
 * names none of them is stored as a whole or not at all. NULL leaves the field out of its log: a log has no nulls,
 * and a missing field reads as NULL.
 */
export function logGroupsOf(insert: InsertStatement, context: WriteContext): LogGroup[] {
  const targets = insert.columns.map(targetOf);
  const groups = new Map<string, LogGroup & { logs: Log[] }>();
  for (const row of insert.rows) {
    const { log, topic, source, tags } = logOf(row, targets, context);
    const key = JSON.stringify([topic, source, tags]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { topic, source, tags, logs: [log] });
    else group.logs.push(log);
  }
  return [...groups.values()];
}

function targetOf(column: string): Target {
  if (column === '__time__') return 'time';
  if (column === '__time_ns_part__') return 'timeNs';
  if (column === '__topic__') return 'topic';
  if (column === '__source__') return 'source';
  if (column.startsWith('__tag__:')) return { tag: column.slice('__tag__:'.length) };
  return { field: column };
}

function logOf(
  row: InsertRow,
  targets: readonly Target[],
  context: WriteContext,
): { log: Log; topic: string; source: string; tags: [string, string][] } {
  let time: number | undefined;
  let timeNs: number | undefined;
  let topic = '';
  let source = context.source;
  const tags: [string, string][] = [];
  const contents: [string, string][] = [];
  targets.forEach((target, at) => {
    const value = row[at] ?? null;
    if (value === null) return;
    if (target === 'time') time = integerOf(value, timeMax);
    else if (target === 'timeNs') timeNs = integerOf(value, timeNsMax);
    else if (target === 'topic') topic = value;
    else if (target === 'source') source = value;
    else if ('tag' in target) tags.push([target.tag, value]);
    else contents.push([target.field, value]);
  });
  const isNow = time === undefined;
  const log: Log = {
    time: time ?? Math.floor(context.nowMs / 1000),
    timeNs: timeNs ?? (isNow ? (Math.floor(context.nowMs) % 1000) * 1_000_000 : 0),
    contents,
  };
  return { log, topic, source, tags };
}

function integerOf(value: string, max: number): number {
  if (!/^\s*\d{1,19}\s*$/.test(value)) {
    throw new PgError('22P02', `invalid input syntax for type bigint: "${value.slice(0, 40)}"`);
  }
  const number = Number(value);
  if (number > max) throw new PgError('22003', `value "${value.trim()}" is out of range: at most ${max}`);
  return number;
}
