import { longOfText } from './log-source.ts';
import { raise, raiseText } from './sql-text.ts';
import { engineType, isNumeric, printType, type SqlType } from './sql-type.ts';

/** A cast in the service's sense, or undefined when the two types cannot be cast at all. */
export function castSql(sql: string, from: SqlType, to: SqlType, isTry: boolean): string | undefined {
  if (from.name === 'unknown') return `CAST(${sql} AS ${engineType(to)})`;
  if (from.name === to.name && from.name !== 'array' && from.name !== 'map') return sql;
  if (to.name === 'varchar') return textOf(sql, from);
  if (to.name === 'json')
    return from.name === 'varchar' ? `CAST(to_json(${sql}) AS VARCHAR)` : `CAST(to_json(${sql}) AS VARCHAR)`;
  if (from.name === 'json') return fromJson(sql, to, isTry);
  if (to.name === 'bigint') return toBigint(sql, from, isTry);
  if (!isCastable(from, to)) return undefined;
  if (from.name !== 'varchar' || isTry) return `${isTry ? 'TRY_CAST' : 'CAST'}(${sql} AS ${engineType(to)})`;
  return orRaise(sql, `TRY_CAST(${sql} AS ${engineType(to)})`, to);
}

function isCastable(from: SqlType, to: SqlType): boolean {
  const { name } = to;
  if (name === 'double') return from.name === 'varchar' || isNumeric(from) || from.name === 'boolean';
  if (name === 'boolean') return from.name === 'varchar' || isNumeric(from);
  if (name === 'timestamp') return from.name === 'varchar' || from.name === 'date';
  if (name === 'date') return from.name === 'varchar' || from.name === 'timestamp';
  if (name === 'time') return from.name === 'varchar' || from.name === 'timestamp';
  if (name === 'varbinary') return from.name === 'varchar';
  return (name === 'array' || name === 'map') && from.name === name;
}

function textOf(sql: string, from: SqlType): string | undefined {
  switch (from.name) {
    case 'bigint':
    case 'boolean':
    case 'date':
      return `CAST(${sql} AS VARCHAR)`;
    case 'double':
      return `sls_double_text(${sql})`;
    case 'timestamp':
      return `strftime(${sql}, '%Y-%m-%d %H:%M:%S.%g')`;
    case 'json':
      return `(CASE WHEN json_type(${sql}) IN ('OBJECT', 'ARRAY') THEN ${raise('Cannot cast JSON to varchar', 'VARCHAR')} ELSE json_extract_string(${sql}, '$') END)`;
    case 'time':
      return `strftime(DATE '1970-01-01' + ${sql}, '%H:%M:%S.%g')`;
    default:
      return undefined;
  }
}

function fromJson(sql: string, to: SqlType, isTry: boolean): string {
  const cast = isTry ? 'TRY_CAST' : 'CAST';
  return `${cast}(CAST(${sql} AS JSON) AS ${engineType(to)})`;
}

function toBigint(sql: string, from: SqlType, isTry: boolean): string | undefined {
  // Halves go away from zero; the engine's own cast rounds them to even.
  if (from.name === 'double') return `${isTry ? 'TRY_CAST' : 'CAST'}(round(${sql}) AS BIGINT)`;
  if (from.name === 'boolean') return `CAST(${sql} AS BIGINT)`;
  if (from.name !== 'varchar') return undefined;
  const value = longOfText(sql);
  return isTry ? value : orRaise(sql, value, { name: 'bigint' });
}

function orRaise(text: string, value: string, to: SqlType): string {
  const failure = raiseText(
    `'Cannot cast ''' || ${text} || ''' to ${printType(to).toUpperCase()}'`,
    'VARCHAR',
  );
  return `(CASE WHEN ${text} IS NULL OR ${value} IS NOT NULL THEN ${value} ELSE CAST(${failure} AS ${engineType(to)}) END)`;
}

/** Macros the translated statements use; made once when the index is opened. */
export const engineMacros: readonly string[] = [
  // Java's Double.toString: plain between 0.001 and 10,000,000, otherwise one digit, a point and an exponent.
  `CREATE OR REPLACE MACRO sls_double_digits(t) AS
     rtrim(ltrim(regexp_replace(regexp_replace(t, 'e.*$', ''), '[-.]', '', 'g'), '0'), '0')`,
  `CREATE OR REPLACE MACRO sls_double_exponent(t) AS CASE
     WHEN contains(t, 'e') THEN CAST(regexp_extract(t, 'e(.*)$', 1) AS INTEGER)
     WHEN starts_with(ltrim(t, '-'), '0.') THEN -1 - length(regexp_extract(t, '0\\.(0*)', 1))
     ELSE length(regexp_extract(t, '^-?([0-9]+)', 1)) - 1 END`,
  `CREATE OR REPLACE MACRO sls_double_text(x) AS CASE
     WHEN x IS NULL THEN NULL
     WHEN isnan(x) THEN 'NaN'
     WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
     WHEN x = 0 OR (abs(x) >= 0.001 AND abs(x) < 10000000) THEN CAST(CAST(x AS DOUBLE) AS VARCHAR)
     ELSE concat(CASE WHEN x < 0 THEN '-' ELSE '' END,
       substr(sls_double_digits(CAST(CAST(x AS DOUBLE) AS VARCHAR)), 1, 1), '.',
       coalesce(nullif(substr(sls_double_digits(CAST(CAST(x AS DOUBLE) AS VARCHAR)), 2), ''), '0'),
       'E', sls_double_exponent(CAST(CAST(x AS DOUBLE) AS VARCHAR))) END`,
];
