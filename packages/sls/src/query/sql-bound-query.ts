import type { SqlIdentifier } from './sql-ast.ts';
import type { SqlType } from './sql-type.ts';

/** One column of a logstore as SQL sees it. */
export interface LogField {
  readonly name: string;
  readonly type: SqlType;
  /** Its value, over the log table's columns. */
  readonly value: string;
  readonly isInStar: boolean;
}

/** What a statement can read: one logstore, already narrowed to a time range and a search. */
export interface SqlLogstore {
  readonly name: string;
  readonly project: string;
  readonly table: string;
  readonly fields: readonly LogField[];
  /** Condition over the log table's columns. */
  readonly where: string;
  /** Columns that order logs from the oldest to the newest. */
  readonly age: readonly string[];
}

export interface OutputColumn {
  readonly name: string;
  readonly type: SqlType;
}

/** A bound query. `ageCount` columns `z0…` follow the visible ones `k0…` and order single logs by age. */
export interface BoundQuery {
  readonly sql: string;
  readonly columns: readonly OutputColumn[];
  readonly ageCount: number;
}

/** A WITH query. */
export interface CommonTable {
  readonly name: string;
  readonly engineName: string;
  readonly columns: readonly OutputColumn[];
  readonly ageCount: number;
}

/** Names the columns of a WITH query or a derived table by its column list. */
export function renameColumns(
  columns: readonly OutputColumn[],
  names: readonly SqlIdentifier[],
  fail: (at: number, message: string) => never,
): OutputColumn[] {
  const [first] = names;
  if (first === undefined) return [...columns];
  if (names.length !== columns.length) {
    fail(
      first.at,
      `Column alias list has ${names.length} entries but relation has ${columns.length} columns`,
    );
  }
  return columns.map((column, index) => ({ ...column, name: names[index]?.name ?? column.name }));
}
