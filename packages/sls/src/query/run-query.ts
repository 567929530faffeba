import { slsErrors } from '@sampan/sls-wire';
import type {
  HistogramRequest,
  HistogramSlot,
  LogsResult,
  QueryMeta,
  SearchRequest,
  SqlRequest,
  TableResult,
} from '../index-engine/index-engine.ts';
import { logFields } from './log-fields.ts';
import { type LogSource, logColumns, newestFirst } from './log-source.ts';
import { type LogPlace, packMetasOf } from './pack-meta-column.ts';
import { parseSearch } from './search-parser.ts';
import { type SearchPredicate, translateSearch } from './search-translate.ts';
import { parseSql } from './sql-parser.ts';
import { sqlString } from './sql-text.ts';
import { translateSql } from './sql-translate.ts';
import { bigint, type SqlType, varchar } from './sql-type.ts';
import { splitStatement } from './statement.ts';

/** Runs one statement of the index engine and prints its values. Bounded in time and size. */
export type RunStatement = (sql: string, types: readonly SqlType[]) => Promise<(string | null)[][]>;

/** What queries run against. */
export interface QueryTarget {
  readonly source: LogSource;
  /** Logs in the logstore. */
  readonly rows: number;
  readonly timeZone: string;
  readonly run: RunStatement;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

const implicitLimit = 100;
const slotsDefault = 60;
const slotsMax = 10_000;
/** Above every time a log can have (uint32 seconds). */
const timeMax = 2 ** 33;

/** GetLogs: a search, or a search with SQL behind it. */
export async function runSearch(
  request: SearchRequest,
  target: QueryTarget,
): Promise<LogsResult | TableResult> {
  const startedAt = target.now();
  const { search, sql, hasPackMeta } = splitStatement(request.query);
  const predicate = predicateOf(request.logstore, search, target.source);
  const where = `${rangeSql(request)} AND ${predicate.sql}`;
  if (sql !== undefined) {
    return runTable({ logstore: request.logstore, sql, where, limit: implicitLimit, isPg: false }, target, {
      startedAt,
      whereQuery: search,
      terms: predicate.terms,
    });
  }
  const found = await selectLogs(request, where, target);
  const logs = hasPackMeta === true ? await withPackMeta(found, target) : found.map(({ log }) => log);
  const meta: QueryMeta = {
    ...emptyMeta(target, startedAt),
    count: logs.length,
    whereQuery: search,
    terms: predicate.terms,
    limited: 0,
    mode: search.includes('#"') ? 1 : 0,
  };
  return { kind: 'logs', logs, meta };
}

/** A statement whose FROM names the logstore. */
export async function runSql(request: SqlRequest, target: QueryTarget): Promise<TableResult> {
  const startedAt = target.now();
  requireIndex(request.logstore);
  const where = rangeSql({ from: request.from ?? 0, to: request.to ?? timeMax });
  const isPg = request.rowLimit === undefined;
  return runTable(
    { logstore: request.logstore, sql: request.sql.trim(), where, limit: request.rowLimit, isPg },
    target,
    {
      startedAt,
      whereQuery: '',
      terms: [],
    },
  );
}

/** How the hits of a search spread over its time range. */
export async function runHistogram(request: HistogramRequest, target: QueryTarget): Promise<HistogramSlot[]> {
  const { from, to } = request;
  const { search } = splitStatement(request.query);
  const predicate = predicateOf(request.logstore, search, target.source);
  const range = Math.max(to - from, 1);
  const interval = request.interval ?? Math.ceil(range / slotsDefault);
  if (range / interval > slotsMax) {
    throw slsErrors.parameterInvalid(
      `interval ${interval} divides the time range into more than ${slotsMax} parts`,
    );
  }
  const where = `${rangeSql(request)} AND ${predicate.sql}`;
  const counts = await target.run(
    `SELECT (${logColumns.time} - ${from}) // ${interval} AS slot, count(*) FROM ${target.source.table} WHERE ${where} GROUP BY slot`,
    [bigint, bigint],
  );
  const bySlot = new Map(counts.map(([slot, count]) => [Number(slot), Number(count)]));
  return Array.from({ length: Math.ceil(range / interval) }, (_none, slot) => ({
    from: from + slot * interval,
    to: Math.min(from + (slot + 1) * interval, to),
    count: bySlot.get(slot) ?? 0,
    progress: 'Complete',
  }));
}

function predicateOf(
  logstore: SearchRequest['logstore'],
  search: string,
  source: LogSource,
): SearchPredicate {
  return translateSearch(parseSearch(search), requireIndex(logstore), source);
}

function requireIndex(logstore: SearchRequest['logstore']): NonNullable<SearchRequest['logstore']['index']> {
  if (logstore.index === undefined) throw slsErrors.logstoreWithoutIndex();
  return logstore.index;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly fromNs?: number;
  readonly toNs?: number;
  readonly topic?: string;
}

/** `[from, to)`, to the nanosecond when the request says so. */
function rangeSql(range: Range): string {
  const { time, timeNs, topic } = logColumns;
  const from = integer(range.from);
  const to = integer(Math.min(range.to, timeMax));
  const tests = [
    range.fromNs === undefined
      ? `${time} >= ${from}`
      : `(${time} > ${from} OR (${time} = ${from} AND ${timeNs} >= ${integer(range.fromNs)}))`,
    range.toNs === undefined
      ? `${time} < ${to}`
      : `(${time} < ${to} OR (${time} = ${to} AND ${timeNs} < ${integer(range.toNs)}))`,
  ];
  if (range.topic !== undefined && range.topic !== '') tests.push(`${topic} = ${sqlString(range.topic)}`);
  return tests.join(' AND ');
}

/** Numbers of a request come from clients; only whole ones reach a statement. */
function integer(value: number): number {
  if (!Number.isSafeInteger(value)) throw slsErrors.parameterInvalid(`${value} is not an integer`);
  return value;
}

/**
 * One page of raw logs. The rows are found by their ids first and read in full afterwards: reading every column
 * of every candidate took three times as long.
 */
async function selectLogs(request: SearchRequest, where: string, target: QueryTarget): Promise<FoundLog[]> {
  const { table, columns, overflow } = target.source;
  const order = newestFirst.map((column) => `${column} ${request.reverse ? 'DESC' : 'ASC'}`).join(', ');
  const limit = `LIMIT ${integer(Math.min(request.line, implicitLimit))} OFFSET ${integer(request.offset)}`;
  const keys = [...columns.keys()];
  const values = [
    logColumns.time,
    logColumns.timeNs,
    logColumns.source,
    logColumns.topic,
    logColumns.shard,
    logColumns.position,
    logColumns.sequence,
    ...columns.values(),
  ];
  if (overflow !== undefined) values.push(overflow);
  const ids = `SELECT rowid FROM ${table} WHERE ${where} ORDER BY ${order} ${limit}`;
  const rows = await target.run(
    `SELECT ${values.join(', ')} FROM ${table} WHERE rowid IN (${ids}) ORDER BY ${order}`,
    values.map((_value, index) => (index < 2 || (index > 3 && index < 7) ? bigint : varchar)),
  );
  return rows.map((row) => ({
    log: logOfRow(row, keys, overflow !== undefined),
    place: { shard: Number(row[4]), position: Number(row[5]), index: Number(row[6]) },
  }));
}

/** A raw log and where it stands. */
interface FoundLog {
  readonly log: Record<string, string>;
  readonly place: LogPlace;
}

async function withPackMeta(
  found: readonly FoundLog[],
  target: QueryTarget,
): Promise<Record<string, string>[]> {
  const metas = await packMetasOf(
    found.map(({ place }) => place),
    target,
  );
  return found.map(({ log }, index) => ({
    // Empty where the producer sent none.
    '__tag__:__pack_id__': '',
    ...log,
    __pack_meta__: metas[index] ?? '',
  }));
}

function logOfRow(
  row: readonly (string | null)[],
  keys: readonly string[],
  hasOverflow: boolean,
): Record<string, string> {
  const [time, timeNs, source, topic] = row;
  const pairs: [string, string][] = [];
  keys.forEach((key, index) => {
    const value = row[index + 7];
    if (value !== null && value !== undefined) pairs.push([key, value]);
  });
  const overflow = hasOverflow ? row.at(-1) : null;
  if (typeof overflow === 'string') {
    const rest: unknown = JSON.parse(overflow);
    if (typeof rest === 'object' && rest !== null) {
      for (const [key, value] of Object.entries(rest)) pairs.push([key, String(value)]);
    }
  }
  pairs.push(['__time__', time ?? '0'], ['__source__', source ?? ''], ['__topic__', topic ?? '']);
  if (timeNs !== '0') pairs.push(['__time_ns_part__', timeNs ?? '0']);
  return Object.fromEntries(pairs);
}

interface TableQuery {
  readonly logstore: SearchRequest['logstore'];
  readonly sql: string;
  readonly where: string;
  readonly limit: number | undefined;
  /** PostgreSQL clients: literals adapt, and a SELECT without FROM reads nothing. */
  readonly isPg: boolean;
}

interface TableMeta {
  readonly startedAt: number;
  readonly whereQuery: string;
  readonly terms: QueryMeta['terms'];
}

async function runTable(query: TableQuery, target: QueryTarget, meta: TableMeta): Promise<TableResult> {
  const { logstore, sql } = query;
  const index = requireIndex(logstore);
  const translated = translateSql(parseSql(sql), {
    sql,
    timeZone: target.timeZone,
    areLiteralsCoerced: query.isPg,
    hasImplicitFrom: !query.isPg,
    implicitLimit: query.limit,
    logstore: {
      name: logstore.name,
      project: logstore.project,
      table: target.source.table,
      fields: logFields(index, target.source),
      where: query.where,
      age: newestFirst,
    },
  });
  const types = translated.columns.map((column) => column.type);
  const rows = await target.run(translated.sql, types);
  const columns = translated.columns.map(({ name, type }) => ({ name, type: type.name }));
  return {
    kind: 'table',
    columns,
    rows,
    meta: {
      ...emptyMeta(target, meta.startedAt),
      count: rows.length,
      hasSQL: true,
      whereQuery: meta.whereQuery,
      aggQuery: sql,
      limited: translated.limit ?? 0,
      keys: columns.map((column) => column.name),
      terms: meta.terms,
      columnTypes: columns.map((column) => column.type),
    },
  };
}

function emptyMeta(target: QueryTarget, startedAt: number): QueryMeta {
  const elapsedMillisecond = Math.max(1, Math.round(target.now() - startedAt));
  return {
    progress: 'Complete',
    count: 0,
    processedRows: target.rows,
    processedBytes: 0,
    elapsedMillisecond,
    hasSQL: false,
    whereQuery: '',
    aggQuery: '',
    cpuSec: elapsedMillisecond / 1000,
    cpuCores: 1,
    mode: 0,
    limited: 0,
    isAccurate: true,
    keys: [],
    terms: [],
  };
}
