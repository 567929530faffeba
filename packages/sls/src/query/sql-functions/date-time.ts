import { raiseText, sqlString } from '../sql-text.ts';
import { bigint, date, double, type SqlType, time, timestamp, timestampIn, varchar } from '../sql-type.ts';
import { isTimeZone } from '../time-zone.ts';
import {
  type Bound,
  type CallContext,
  type FunctionFamily,
  type FunctionSpec,
  literalOf,
  sameAsFirst,
  scalar,
} from './function-spec.ts';

/** MySQL's format letters in the engine's spelling. A letter that is missing here cannot be used. */
const formatLetters: Readonly<Record<string, string>> = {
  a: '%a',
  b: '%b',
  c: '%-m',
  d: '%d',
  e: '%-d',
  f: '%f',
  H: '%H',
  h: '%I',
  I: '%I',
  i: '%M',
  j: '%j',
  k: '%-H',
  l: '%-I',
  M: '%B',
  m: '%m',
  p: '%p',
  r: '%I:%M:%S %p',
  S: '%S',
  s: '%S',
  T: '%H:%M:%S',
  v: '%V',
  W: '%A',
  x: '%G',
  Y: '%Y',
  y: '%y',
  '%': '%%',
};

const units = ['millisecond', 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];

function engineFormat(bound: Bound | undefined, context: CallContext): string {
  const format = literalOf(bound, context, 'the date format');
  const engine = format.replaceAll(
    /%(.)/g,
    (_all, letter: string) =>
      formatLetters[letter] ?? context.fail(`%${letter} not supported in date format string`),
  );
  return sqlString(engine);
}

function unitOf(bound: Bound | undefined, context: CallContext): string {
  const unit = literalOf(bound, context, 'the unit').toLowerCase();
  if (!units.includes(unit)) context.fail(`'${unit}' is not a valid Timestamp field`);
  return unit;
}

/** Seconds since the epoch as local time of a zone. */
function localTime(seconds: string, zone: string): string {
  return `timezone(${sqlString(zone)}, to_timestamp(${seconds}))`;
}

/** Local time as seconds since the epoch. */
function epoch(value: Bound | undefined, context: CallContext): string {
  const zone = value?.type.zone ?? context.timeZone;
  return `epoch(timezone(${sqlString(zone)}, CAST(${value?.sql ?? 'NULL'} AS TIMESTAMP)))`;
}

const ofContext = (emit: (context: CallContext) => Bound): FunctionSpec => ({
  kind: 'scalar',
  parameters: [],
  emit: (_values, context) => emit(context),
});

function now(context: CallContext): Bound {
  return { sql: `timezone(${sqlString(context.timeZone)}, now())`, type: timestampIn(context.timeZone) };
}

function withZone(
  emit: (values: readonly Bound[], context: CallContext) => Bound,
  parameters: FunctionSpec['parameters'],
): FunctionSpec {
  return { kind: 'scalar', parameters, emit };
}

/** A part of a date, as a number. */
function part(engineName: string): FunctionSpec {
  return scalar('time', bigint, ([x = '']) => `CAST(${engineName}(${x}) AS BIGINT)`);
}

/** Timestamps and seconds alike: seconds become local time first. */
function asTimestamp(value: Bound | undefined, context: CallContext): string {
  return value?.type.name === 'bigint' || value?.type.name === 'double'
    ? localTime(value.sql, context.timeZone)
    : (value?.sql ?? 'NULL');
}

const fromUnixtime = scalar('number', timestamp, ([x = ''], _bound, context) =>
  localTime(x, context.timeZone),
);

/** Dates and times, in the configured time zone. */
export const dateTimeFunctions: FunctionFamily = {
  now: ofContext(now),
  current_timestamp: ofContext(now),
  localtimestamp: ofContext((context) => ({ sql: now(context).sql, type: timestamp })),
  current_date: ofContext((context) => ({ sql: `CAST(${now(context).sql} AS DATE)`, type: date })),
  current_time: ofContext((context) => ({ sql: `CAST(${now(context).sql} AS TIME)`, type: time })),
  localtime: ofContext((context) => ({ sql: `CAST(${now(context).sql} AS TIME)`, type: time })),
  current_timezone: ofContext((context) => ({ sql: sqlString(context.timeZone), type: varchar })),
  from_unixtime: withZone(
    (values, context) => {
      const [seconds, zone] = values;
      if (zone === undefined) return fromUnixtime.emit(values, context);
      const name = literalOf(zone, context, 'the time zone');
      if (!isTimeZone(name)) context.fail(`Time zone not supported: ${name}`);
      return { sql: localTime(seconds?.sql ?? 'NULL', name), type: timestampIn(name) };
    },
    [
      { kinds: ['number'], isOptional: false, isRepeated: false },
      { kinds: ['text'], isOptional: true, isRepeated: false },
    ],
  ),
  to_unixtime: scalar('time', double, (_values, [x], context) => epoch(x, context)),
  // A text without an offset is local time of the configured zone, which the session carries.
  from_iso8601_timestamp: withZone(
    ([x], context) => ({
      sql: `timezone(${sqlString(context.timeZone)}, ${isoTimestamp(x?.sql ?? 'NULL')})`,
      type: timestampIn(context.timeZone),
    }),
    [{ kinds: ['text'], isOptional: false, isRepeated: false }],
  ),
  from_iso8601_date: scalar('text', date, ([x = '']) => `CAST(${x} AS DATE)`),
  to_iso8601: scalar('time', varchar, ([x = ''], bound) =>
    bound[0]?.type.name === 'date' ? `strftime(${x}, '%Y-%m-%d')` : `strftime(${x}, '%Y-%m-%dT%H:%M:%S.%g')`,
  ),
  date: scalar('time|text', date, ([x = '']) => `CAST(${x} AS DATE)`),
  date_format: scalar(
    'time|number, text',
    varchar,
    (_values, [x, format], context) =>
      `strftime(${asTimestamp(x, context)}, ${engineFormat(format, context)})`,
  ),
  date_parse: scalar(
    'text, text',
    timestamp,
    ([x = ''], [, format], context) => `strptime(${x}, ${engineFormat(format, context)})`,
  ),
  date_trunc: scalar('text, time|number', truncatedType, (_values, [unit, x], context) => {
    const truncated = `date_trunc('${unitOf(unit, context)}', ${asTimestamp(x, context)})`;
    return x?.type.name === 'date' ? `CAST(${truncated} AS DATE)` : truncated;
  }),
  date_add: scalar(
    'text, bigint, time',
    (bound) => bound[2]?.type ?? timestamp,
    ([, n = ''], [unit, , x], context) => {
      const sum = `(${x?.sql ?? 'NULL'} + ${n} * INTERVAL 1 ${unitOf(unit, context)})`;
      return x?.type.name === 'date' ? `CAST(${sum} AS DATE)` : sum;
    },
  ),
  // Whole units that have passed; the engine's own date_diff counts borders instead.
  date_diff: scalar(
    'text, time, time',
    bigint,
    ([, a = '', b = ''], [unit], context) =>
      `date_sub('${unitOf(unit, context)}', CAST(${a} AS TIMESTAMP), CAST(${b} AS TIMESTAMP))`,
  ),
  last_day_of_month: scalar('time', date, ([x = '']) => `last_day(${x})`),
  year: part('year'),
  quarter: part('quarter'),
  month: part('month'),
  week: part('week'),
  week_of_year: part('week'),
  day: part('day'),
  day_of_month: part('day'),
  day_of_week: part('isodow'),
  dow: part('isodow'),
  day_of_year: part('dayofyear'),
  doy: part('dayofyear'),
  year_of_week: part('isoyear'),
  yow: part('isoyear'),
  hour: part('hour'),
  minute: part('minute'),
  second: part('second'),
  millisecond: scalar('time', bigint, ([x = '']) => `CAST(millisecond(${x}) % 1000 AS BIGINT)`),
};

function truncatedType(bound: readonly Bound[]): SqlType {
  return bound[1]?.type.name === 'date' || bound[1]?.type.name === 'timestamp'
    ? sameAsFirst(bound.slice(1))
    : timestamp;
}

function isoTimestamp(text: string): string {
  const isFine = `(${text} IS NULL OR TRY_CAST(${text} AS TIMESTAMPTZ) IS NOT NULL)`;
  return `(CASE WHEN ${isFine} THEN CAST(${text} AS TIMESTAMPTZ) ELSE ${raiseText(`'Invalid format: "' || ${text} || '"'`, 'VARCHAR')}::TIMESTAMPTZ END)`;
}
