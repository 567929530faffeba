import { sqlError } from './query-error.ts';
import type { SqlIdentifier } from './sql-ast.ts';
import type { Bound } from './sql-functions/function-spec.ts';
import type { SqlType } from './sql-type.ts';

/** A column that expressions can name. */
export interface ScopeColumn {
  readonly name: string;
  readonly type: SqlType;
  /** The column in the index engine's SQL. Reading it says that the column is needed. */
  readonly sql: string;
  /** `SELECT *` leaves such a column out. */
  readonly isInStar: boolean;
  /** The right side of a USING column: reachable by its qualified name only. */
  isQualifiedOnly?: boolean;
}

/** One item of FROM. */
export interface Relation {
  readonly name: string | undefined;
  readonly columns: readonly ScopeColumn[];
  /** Expressions that order the rows from the oldest to the newest; empty when the rows are no single logs. */
  readonly age: readonly string[];
}

/** An expression that is ready for the index engine, with what GROUP BY needs to know about it. */
export interface BoundExpression extends Bound {
  readonly hasAggregate: boolean;
  /** The first column that is neither grouped nor inside an aggregate. */
  readonly ungrouped: { readonly name: string; readonly at: number } | undefined;
}

/** What names mean at one level of a statement. */
export interface Scope {
  readonly relations: readonly Relation[];
  readonly parent: Scope | undefined;
  /** Select items by lower-case alias, where the clause may use them. */
  readonly aliases?: ReadonlyMap<string, BoundExpression>;
  /** ORDER BY looks at aliases first, GROUP BY and HAVING at columns first. */
  readonly areAliasesFirst?: boolean;
  /** The texts of the GROUP BY expressions. */
  readonly grouped?: ReadonlySet<string>;
}

/** Finds what a name stands for. Throws the service's sentence when it stands for nothing or for two things. */
export function resolveName(sql: string, scope: Scope, parts: readonly SqlIdentifier[]): BoundExpression {
  const last = parts.at(-1);
  if (last === undefined) throw sqlError(sql, 0, 'empty name');
  const at = parts[0]?.at ?? last.at;
  const name = parts.map((part) => part.name).join('.');
  const isPlain = parts.length === 1;
  for (let level: Scope | undefined = scope; level !== undefined; level = level.parent) {
    const alias = isPlain ? level.aliases?.get(last.name.toLowerCase()) : undefined;
    if (alias !== undefined && level.areAliasesFirst === true) return alias;
    const found = columnsNamed(level, parts.at(-1)?.name ?? '', parts.at(-2)?.name.toLowerCase());
    // `request.status` may also be the leaf of a JSON field, whose column is called so.
    if (found.length === 0 && !isPlain) found.push(...columnsNamed(level, name, undefined));
    const [column] = found;
    if (found.length > 1) throw sqlError(sql, at, `Column '${name}' is ambiguous`);
    if (column !== undefined) {
      const isOwn = level === scope && scope.grouped?.has(column.sql) !== true;
      return {
        sql: column.sql,
        type: column.type,
        hasAggregate: false,
        ungrouped: isOwn ? { name, at } : undefined,
      };
    }
    if (alias !== undefined) return alias;
  }
  throw sqlError(sql, at, `Column '${name}' cannot be resolved;please add the column in the index attribute`);
}

function columnsNamed(scope: Scope, name: string, qualifier: string | undefined): ScopeColumn[] {
  const wanted = name.toLowerCase();
  const found = scope.relations
    .filter((relation) => qualifier === undefined || relation.name?.toLowerCase() === qualifier)
    .flatMap((relation) => relation.columns)
    .filter((column) => column.name.toLowerCase() === wanted)
    .filter((column) => qualifier !== undefined || column.isQualifiedOnly !== true);
  // Two columns whose names differ in case only: the exact spelling decides.
  const exact = found.filter((column) => column.name === name);
  return exact.length > 0 ? exact : found;
}
