import type { ColumnDescription } from '@sampan/pg-wire';

/** A PostgreSQL type as RowDescription names it (`pg_type.oid` and `typlen`). */
export interface PgType {
  readonly typeOid: number;
  readonly typeLength: number;
}

export const pgTypes = {
  bool: { typeOid: 16, typeLength: 1 },
  name: { typeOid: 19, typeLength: 64 },
  int8: { typeOid: 20, typeLength: 8 },
  int2: { typeOid: 21, typeLength: 2 },
  int4: { typeOid: 23, typeLength: 4 },
  text: { typeOid: 25, typeLength: -1 },
  oid: { typeOid: 26, typeLength: 4 },
  float4: { typeOid: 700, typeLength: 4 },
  float8: { typeOid: 701, typeLength: 8 },
  nameArray: { typeOid: 1003, typeLength: -1 },
  varchar: { typeOid: 1043, typeLength: -1 },
  date: { typeOid: 1082, typeLength: 4 },
  time: { typeOid: 1083, typeLength: 8 },
  timestamp: { typeOid: 1114, typeLength: 8 },
  timestamptz: { typeOid: 1184, typeLength: 8 },
  numeric: { typeOid: 1700, typeLength: -1 },
} as const satisfies Record<string, PgType>;

export type PgTypeName = keyof typeof pgTypes;

/** The PostgreSQL type of a column of the query engine; what has no counterpart is shown as varchar. */
export function typeOfSqlColumn(type: string): PgTypeName {
  switch (type.replace(/\(.*$/, '').trim().toLowerCase()) {
    case 'bigint':
      return 'int8';
    case 'integer':
      return 'int4';
    case 'double':
      return 'float8';
    case 'real':
      return 'float4';
    case 'boolean':
      return 'bool';
    case 'timestamp':
      return 'timestamp';
    case 'timestamp with time zone':
      return 'timestamptz';
    case 'date':
      return 'date';
    case 'time':
      return 'time';
    case 'decimal':
      return 'numeric';
    default:
      return 'varchar';
  }
}

export function columnOf(name: string, type: PgTypeName): ColumnDescription {
  return { name, ...pgTypes[type] };
}

/** Rows as the client gets them; every value is in PostgreSQL's text format. */
export interface ResultRows {
  readonly columns: readonly ColumnDescription[];
  readonly rows: readonly (readonly (string | null)[])[];
}
