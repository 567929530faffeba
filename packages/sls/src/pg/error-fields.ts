import { type ErrorFields, WireError } from '@sampan/pg-wire';
import { isSlsError, type SlsError } from '@sampan/sls-wire';
import { PgError } from './pg-error.ts';

/** The text a failed statement came from, for positions. */
export interface StatementPlace {
  /** The whole text of the Query message. */
  readonly text: string;
  /** Where the text given to the engine begins in it; absent when it was rewritten. */
  readonly engineTextAt?: number;
}

/**
 * What a client is told about a failure. Errors of the service keep their sentence and get the SQLSTATE that
 * drivers expect; anything unforeseen becomes XX000 without its text, which may hold data.
 */
export function errorFields(
  error: unknown,
  severity: 'ERROR' | 'FATAL' = 'ERROR',
  place?: StatementPlace,
): ErrorFields {
  if (error instanceof PgError) {
    return {
      severity,
      code: error.sqlstate,
      message: error.message,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.at === undefined || place === undefined
        ? {}
        : { position: positionOf(place.text, error.at) }),
    };
  }
  if (error instanceof WireError) return { severity, code: error.sqlstate, message: error.message };
  if (isSlsError(error)) {
    const position = place === undefined ? undefined : enginePosition(error, place);
    return {
      severity,
      code: sqlstateOf(error),
      message: error.errorMessage,
      detail: `SLS error code: ${error.errorCode}`,
      ...(position === undefined ? {} : { position }),
    };
  }
  return { severity, code: 'XX000', message: 'internal error of the SLS emulator' };
}

/** SQLSTATE by the service's code alone. */
const byCode: ReadonlyMap<string, string> = new Map([
  ['ProjectNotExist', '3D000'],
  ['LogStoreNotExist', '42P01'],
  ['IndexConfigNotExist', '55000'],
  ['Unauthorized', '42501'],
  ['NotSupported', '0A000'],
  ['NotEmulated', '0A000'],
  ['PostBodyTooLarge', '54000'],
  ['ExceedQuota', '53400'],
  ['WriteQuotaExceed', '53400'],
  ['ReadQuotaExceed', '53400'],
  ['ShardWriteQuotaExceed', '53400'],
  ['ServerBusy', '53300'],
  ['RequestTimeout', '57014'],
  ['InternalServerError', 'XX000'],
]);

/** SQLSTATE by the sentence of the query engine; the first match counts. */
const bySentence: readonly (readonly [RegExp, string])[] = [
  [/ErrorType:SyntaxError|mismatched input|extraneous input|no viable alternative/i, '42601'],
  [
    /not in GROUP BY clause|cannot contain aggregations|cannot nest aggregations|must be an aggregate/i,
    '42803',
  ],
  [/not a window function|requires an OVER clause/i, '42P20'],
  [
    /function .*not registered|unexpected parameters .*for function|function .*(not found|does not exist)/i,
    '42883',
  ],
  [/cannot be applied to|could not choose a best candidate/i, '42883'],
  [/is not in select list|must appear in select list/i, '42P10'],
  [/column .*(cannot be resolved|does not exist|not found|missing from)|key .*is not config/i, '42703'],
  [/table .*does not exist|logstore .*does ?n[o']t exist/i, '42P01'],
  [/unknown type/i, '42704'],
  [/ambiguous/i, '42702'],
  [/division by zero/i, '22012'],
  [/not a valid .*literal|invalid numeric literal|cannot cast '/i, '22P02'],
  [/cannot cast/i, '42846'],
  [/mismatched types|type mismatch|TYPE_MISMATCH|must evaluate to a boolean/i, '42804'],
  [/not supported|unsupported/i, '0A000'],
  [/nested deeper than|longer than/i, '54001'],
  [/invalid (function )?argument|out of bounds|invalid json path|must be a constant/i, '22023'],
  [/exceeded max memory|out of memory/i, '53200'],
  [/timed? ?out/i, '57014'],
  [/concurrent|too many/i, '53400'],
  [/syntax|QueryParseError|ParseError|unclosed/i, '42601'],
];

function sqlstateOf(error: SlsError): string {
  const known = byCode.get(error.errorCode);
  if (known !== undefined) return known;
  return bySentence.find(([pattern]) => pattern.test(error.errorMessage))?.[1] ?? 'XX000';
}

/** The service tells `line:1,column:8` or `line 1:8` of the SQL it was given; PostgreSQL counts characters of the whole query. */
function enginePosition(error: SlsError, place: StatementPlace): number | undefined {
  const found = /\bline[\s:]*(\d{1,9})\s*[,:]\s*(?:column[\s:]*)?(\d{1,9})/i.exec(error.errorMessage);
  if (found === null || place.engineTextAt === undefined) return undefined;
  const [line, column] = [Number(found[1]), Number(found[2])];
  let at = place.engineTextAt;
  for (let skipped = 1; skipped < line; skipped += 1) {
    const end = place.text.indexOf('\n', at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  at += Math.max(0, column - 1);
  return at < place.text.length ? positionOf(place.text, at) : undefined;
}

/** 1-based count of characters, not UTF-16 units. */
function positionOf(text: string, at: number): number {
  let position = 1;
  for (let unit = 0; unit < at; unit += 1) {
    const code = text.charCodeAt(unit);
    if (code < 0xdc00 || code > 0xdfff) position += 1;
  }
  return position;
}
