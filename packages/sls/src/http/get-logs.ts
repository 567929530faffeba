import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';
import type { LogsResult, QueryMeta, SearchRequest, TableResult } from '../index-engine/index-engine.ts';
import { compressedReply } from './compressed-reply.ts';
import { type Call, logstoreOf, type Operation, projectOf } from './operation.ts';
import { headerJson, headerText, jsonReply } from './reply.ts';
import { booleanParameter, integerParameter, jsonBody, parameter, type SlsRequest } from './request.ts';

/** Parameters of GetLogs from either form. */
interface LogsQuery {
  readonly from: number;
  readonly to: number;
  readonly query: string;
  readonly topic: string | undefined;
  readonly line: number;
  readonly offset: number;
  readonly reverse: boolean;
  readonly fromNs: number | undefined;
  readonly toNs: number | undefined;
  readonly powerSql: boolean;
}

/** Raw logs per answer; a larger `line` is cut to this without an error. */
const lineMax = 100;

/** The old form: parameters in the URL, an array in the body, the rest in headers. */
export const getLogs: Operation = {
  name: 'GetLogs',
  async run(call) {
    const query = logsQueryOfUrl(call.request);
    const result = await search(call, query);
    return jsonReply(rowsOf(result), metaHeaders(result.meta));
  },
};

/** The new form: JSON in, `{meta, data}` out, compressed the vendor's way when the client asks for it. */
export const getLogsV2: Operation = {
  name: 'GetLogsV2',
  async run(call) {
    const query = logsQueryOfBody(call.request);
    const result = await search(call, query);
    const reply = jsonReply({ meta: metaJson(result.meta, query.powerSql), data: rowsOf(result) });
    return compressedReply(reply, call.request.headers['accept-encoding']);
  },
};

/** SQL whose FROM names the logstore. */
export const getProjectLogs: Operation = {
  name: 'GetProjectLogs',
  async run(call) {
    const project = projectOf(call);
    const sql = parameter(call.request, 'query') ?? '';
    const logstore = logstoreOfSql(sql);
    if (logstore === undefined) throw slsErrors.parameterInvalid('sql must contain from logstore');
    const { backend } = call;
    const result = await backend.engine.sql({
      logstore: backend.view(project, logstore),
      sql,
      rowLimit: 100,
    });
    return jsonReply(rowsOf(result), metaHeaders(result.meta));
  },
};

export const getHistograms: Operation = {
  name: 'GetHistograms',
  async run(call) {
    const { request, backend } = call;
    const { from, to, query, topic } = logsQueryOfUrl(request);
    const interval = integerParameter(request, 'interval');
    const { project, logstore } = logstoreOf(call);
    const slots = await backend.engine.histogram({
      logstore: backend.view(project, logstore),
      query,
      from,
      to,
      ...(interval === undefined || interval <= 0 ? {} : { interval }),
      ...(topic === undefined ? {} : { topic }),
    });
    const count = slots.reduce((sum, slot) => sum + slot.count, 0);
    const progress = slots.find((slot) => slot.progress === 'Incomplete')?.progress ?? 'Complete';
    return jsonReply(slots, { 'x-log-progress': progress, 'x-log-count': String(count) });
  },
};

function search(call: Call, query: LogsQuery): Promise<LogsResult | TableResult> {
  const { project, logstore } = logstoreOf(call);
  const { backend } = call;
  const request: SearchRequest = {
    logstore: backend.view(project, logstore),
    query: query.query,
    from: query.from,
    to: query.to,
    line: query.line,
    offset: query.offset,
    reverse: query.reverse,
    ...(query.topic === undefined ? {} : { topic: query.topic }),
    ...(query.fromNs === undefined ? {} : { fromNs: query.fromNs }),
    ...(query.toNs === undefined ? {} : { toNs: query.toNs }),
  };
  return backend.engine.search(request);
}

function logsQueryOfUrl(request: SlsRequest): LogsQuery {
  return checked({
    from: integerParameter(request, 'from'),
    to: integerParameter(request, 'to'),
    query: parameter(request, 'query') ?? '',
    topic: parameter(request, 'topic'),
    line: integerParameter(request, 'line'),
    offset: integerParameter(request, 'offset'),
    reverse: booleanParameter(request, 'reverse'),
    fromNs: integerParameter(request, 'fromNs'),
    toNs: integerParameter(request, 'toNs'),
    powerSql: booleanParameter(request, 'powerSql'),
  });
}

const number = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d+$/)
      .transform(Number),
  ])
  .nullish();
const flag = z.union([z.boolean(), z.string().transform((text) => /^true$/i.test(text))]).nullish();

const bodySchema = z.object({
  from: number,
  to: number,
  query: z.string().nullish(),
  topic: z.string().nullish(),
  line: number,
  offset: number,
  reverse: flag,
  fromNs: number,
  toNs: number,
  powerSql: flag,
});

/** What the body leaves out may stand in the URL. */
function logsQueryOfBody(request: SlsRequest): LogsQuery {
  const parsed = bodySchema.safeParse(request.body.length === 0 ? {} : jsonBody(request));
  if (!parsed.success) {
    const name = parsed.error.issues[0]?.path.join('.') ?? '';
    throw slsErrors.parameterInvalid(`The parameter ${name} is invalid`);
  }
  const { data } = parsed;
  return checked({
    from: data.from ?? integerParameter(request, 'from'),
    to: data.to ?? integerParameter(request, 'to'),
    query: data.query ?? parameter(request, 'query') ?? '',
    topic: data.topic ?? parameter(request, 'topic'),
    // Go leaves out a line of 0, and Java sends one; both mean the default.
    line: data.line ?? integerParameter(request, 'line'),
    offset: data.offset ?? integerParameter(request, 'offset'),
    reverse: data.reverse ?? booleanParameter(request, 'reverse'),
    fromNs: data.fromNs ?? integerParameter(request, 'fromNs'),
    toNs: data.toNs ?? integerParameter(request, 'toNs'),
    powerSql: data.powerSql ?? false,
  });
}

type Unchecked = { readonly [Name in keyof LogsQuery]: LogsQuery[Name] | undefined } & {
  readonly query: string;
  readonly reverse: boolean;
  readonly powerSql: boolean;
};

function checked(query: Unchecked): LogsQuery {
  const { from, to, line = lineMax, offset = 0 } = query;
  if (from === undefined) throw slsErrors.parameterInvalid('The parameter from is required');
  if (to === undefined) throw slsErrors.parameterInvalid('The parameter to is required');
  if (from < 0) throw slsErrors.parameterInvalid('The parameter from must be a positive integer');
  if (line < 0 || offset < 0) throw slsErrors.parameterInvalid('limit expression is required');
  // Nanoseconds can separate the ends of a range within one second.
  const isEmpty = from > to || (from === to && (query.fromNs ?? 0) >= (query.toNs ?? 0));
  if (isEmpty) throw slsErrors.invalidTimeRange();
  return {
    ...query,
    from,
    to,
    line: Math.min(line, lineMax),
    offset,
    topic: query.topic === '' ? undefined : query.topic,
    fromNs: query.fromNs || undefined,
    toNs: query.toNs || undefined,
  };
}

/** Rows as flat maps of texts; SQL NULL is the text `null` on this protocol. */
function rowsOf(result: LogsResult | TableResult): readonly Readonly<Record<string, string>>[] {
  if (result.kind === 'logs') return result.logs;
  const names = result.columns.map((column) => column.name);
  return result.rows.map((row) =>
    Object.fromEntries(names.map((name, index) => [name, row[index] ?? 'null'])),
  );
}

function metaJson(meta: QueryMeta, powerSql: boolean): Record<string, unknown> {
  return {
    progress: meta.progress,
    count: meta.count,
    processedRows: meta.processedRows,
    processedBytes: meta.processedBytes,
    elapsedMillisecond: meta.elapsedMillisecond,
    hasSQL: meta.hasSQL,
    whereQuery: meta.whereQuery,
    aggQuery: meta.aggQuery,
    cpuSec: meta.cpuSec,
    cpuCores: meta.cpuCores,
    mode: meta.mode,
    limited: meta.limited,
    // Misspelt by the vendor.
    telementryType: '',
    powerSql,
    insertedSQL: '',
    keys: meta.keys,
    terms: meta.terms,
    marker: '',
    shard: 0,
    scanBytes: 0,
    isAccurate: meta.isAccurate,
    columnTypes: meta.columnTypes ?? [],
    highlights: [],
    phraseQueryInfo: { scanAll: false, beginOffset: 0, endOffset: 0, endTime: 0 },
  };
}

function metaHeaders(meta: QueryMeta): Record<string, string> {
  const headers: Record<string, string> = {
    'x-log-progress': meta.progress,
    'x-log-count': String(meta.count),
    'x-log-processed-rows': String(meta.processedRows),
    'x-log-processed-bytes': String(meta.processedBytes),
    'x-log-elapsed-millisecond': String(meta.elapsedMillisecond),
    'x-log-has-sql': String(meta.hasSQL),
    'x-log-cpu-sec': String(meta.cpuSec),
    'x-log-cpu-cores': String(meta.cpuCores),
  };
  const info = headerText(
    headerJson({
      keys: meta.keys,
      terms: meta.terms.map(({ key, term }) => [term, key]),
      limited: String(meta.limited),
      mode: meta.mode,
      isAccurate: meta.isAccurate ? 1 : 0,
      ...(meta.columnTypes === undefined ? {} : { columnTypes: meta.columnTypes }),
    }),
  );
  const optional = {
    'x-log-where-query': headerText(meta.whereQuery),
    'x-log-agg-query': headerText(meta.aggQuery),
    'x-log-query-info': info,
  };
  for (const [name, value] of Object.entries(optional)) if (value !== undefined) headers[name] = value;
  return headers;
}

/** The first name after FROM, quoted or not. */
function logstoreOfSql(sql: string): string | undefined {
  const match = /\bfrom\s+(?:"([^"]+)"|`([^`]+)`|([\w-]+))/i.exec(sql);
  return match?.[1] ?? match?.[2] ?? match?.[3];
}
