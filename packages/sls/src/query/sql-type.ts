import type { SqlTypeText } from './sql-ast.ts';

/** The types that a column of an answer can have. */
export type SqlTypeName =
  | 'bigint'
  | 'double'
  | 'varchar'
  | 'boolean'
  | 'timestamp'
  | 'date'
  | 'time'
  | 'interval'
  | 'json'
  | 'varbinary'
  | 'array'
  | 'map'
  | 'row'
  | 'unknown';

/** A type as the service's SQL knows it. Arrays have an element, maps a key and an element. */
export interface SqlType {
  readonly name: SqlTypeName;
  readonly element?: SqlType;
  readonly key?: SqlType;
  /** Zone of a timestamp that carries one; without, it is local time of the configured zone. */
  readonly zone?: string;
}

export const bigint: SqlType = { name: 'bigint' };
export const double: SqlType = { name: 'double' };
export const varchar: SqlType = { name: 'varchar' };
export const boolean: SqlType = { name: 'boolean' };
export const timestamp: SqlType = { name: 'timestamp' };
export const date: SqlType = { name: 'date' };
export const time: SqlType = { name: 'time' };
export const interval: SqlType = { name: 'interval' };
export const json: SqlType = { name: 'json' };
export const varbinary: SqlType = { name: 'varbinary' };
/** NULL, and what cannot be told before the statement runs; fits every place. */
export const unknown: SqlType = { name: 'unknown' };

export function arrayOf(element: SqlType): SqlType {
  return { name: 'array', element };
}

export function mapOf(key: SqlType, element: SqlType): SqlType {
  return { name: 'map', key, element };
}

export function isNumeric(type: SqlType): boolean {
  return type.name === 'bigint' || type.name === 'double';
}

export function isTemporal(type: SqlType): boolean {
  return type.name === 'timestamp' || type.name === 'date' || type.name === 'time';
}

export function timestampIn(zone: string): SqlType {
  return { name: 'timestamp', zone };
}

/** The type as error messages print it. */
export function printType(type: SqlType): string {
  if (type.name === 'array') return `array(${printType(type.element ?? unknown)})`;
  if (type.name === 'map')
    return `map(${printType(type.key ?? unknown)}, ${printType(type.element ?? unknown)})`;
  return type.name;
}

/** The type two branches have in common; undefined when there is none. */
export function unify(left: SqlType, right: SqlType): SqlType | undefined {
  if (left.name === 'unknown') return right;
  if (right.name === 'unknown' || left.name === right.name) return left;
  if (isNumeric(left) && isNumeric(right)) return double;
  if (left.name === 'date' && right.name === 'timestamp') return right;
  if (left.name === 'timestamp' && right.name === 'date') return left;
  return undefined;
}

const written: Readonly<Record<string, SqlType>> = {
  bigint,
  long: bigint,
  int: bigint,
  integer: bigint,
  smallint: bigint,
  tinyint: bigint,
  double,
  real: double,
  float: double,
  decimal: double,
  numeric: double,
  varchar,
  char: varchar,
  text: varchar,
  string: varchar,
  boolean,
  bool: boolean,
  timestamp,
  'timestamp with time zone': timestamp,
  date,
  time,
  json,
  varbinary,
};

/** The type a CAST names; undefined when there is no such type. */
export function readType(text: SqlTypeText): SqlType | undefined {
  const [first, second] = text.parameters;
  if (text.name === 'array' && first !== undefined) {
    const element = readType(first);
    return element === undefined ? undefined : arrayOf(element);
  }
  if (text.name === 'map' && first !== undefined && second !== undefined) {
    const key = readType(first);
    const element = readType(second);
    return key === undefined || element === undefined ? undefined : mapOf(key, element);
  }
  return Object.hasOwn(written, text.name) ? written[text.name] : undefined;
}

/** The index engine's name of a type. */
export function engineType(type: SqlType): string {
  switch (type.name) {
    case 'varbinary':
      return 'BLOB';
    case 'json':
    case 'unknown':
    case 'row':
      return 'VARCHAR';
    case 'array':
      return `${engineType(type.element ?? unknown)}[]`;
    case 'map':
      return `MAP(${engineType(type.key ?? unknown)}, ${engineType(type.element ?? unknown)})`;
    default:
      return type.name.toUpperCase();
  }
}
