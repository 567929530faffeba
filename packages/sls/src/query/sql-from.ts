import type { SqlAlias, SqlFrom, SqlIdentifier, SqlQuery } from './sql-ast.ts';
import {
  type BoundQuery,
  type CommonTable,
  type OutputColumn,
  renameColumns,
  type SqlLogstore,
} from './sql-bound-query.ts';
import type { ExpressionBinder } from './sql-expression-binder.ts';
import type { Relation, Scope, ScopeColumn } from './sql-scope.ts';
import { arrayOf, bigint, type SqlType, unify, unknown } from './sql-type.ts';

/** What binding FROM needs from the query around it. */
export interface FromBinder {
  readonly logstore: SqlLogstore;
  readonly commonTables: readonly CommonTable[];
  readonly expressions: ExpressionBinder;
  /** A number that no other relation of the statement has. */
  next(): number;
  query(query: SqlQuery): BoundQuery;
}

/** FROM, bound. `render` comes last, when it is known which columns the expressions use. */
export interface BoundFrom {
  readonly relations: readonly Relation[];
  render(): string;
}

/** Resolves FROM. Only the logstore, WITH queries and derived tables can be read. */
export function bindFrom(from: SqlFrom, binder: FromBinder, parent: Scope | undefined): BoundFrom {
  switch (from.kind) {
    case 'table':
      return bindTable(from, binder);
    case 'query': {
      const bound = binder.query(from.query);
      return derived(binder, `(${bound.sql})`, bound, from.alias);
    }
    case 'unnest':
      return bindUnnest(from, binder, { relations: [], parent });
    case 'join':
      return bindJoin(from, binder, parent);
  }
}

function bindTable(from: SqlFrom & { kind: 'table' }, binder: FromBinder): BoundFrom {
  const names = from.parts.map((part) => part.name.toLowerCase());
  const [first = '', last = first] = [names[0], names.at(-1)];
  const common =
    names.length === 1
      ? binder.commonTables.findLast((table) => table.name.toLowerCase() === first)
      : undefined;
  if (common !== undefined) {
    const alias = from.alias ?? { name: nameOfTable(from), columns: [] };
    return derived(binder, common.engineName, common, alias);
  }
  const { logstore } = binder;
  const own = logstore.name.toLowerCase();
  const isOwn =
    names.length === 1
      ? first === 'log' || first === own
      : isQualified(names, own, logstore.project.toLowerCase());
  if (!isOwn) {
    binder.expressions.fail(
      from.at,
      `Table '${from.parts.map((part) => part.name).join('.')}' does not exist`,
    );
  }
  return logRelation(binder, from.alias, names.length > 1 && last === 'log' ? first : nameOfTable(from).name);
}

/** `store.log`, `public.store` and `project.store` name the logstore too. */
function isQualified(names: readonly string[], own: string, project: string): boolean {
  if (names.length !== 2) return false;
  const [schema, table] = names;
  return (
    (schema === own && table === 'log') || ((schema === 'public' || schema === project) && table === own)
  );
}

function nameOfTable(from: SqlFrom & { kind: 'table' }): SqlIdentifier {
  return from.parts.at(-1) ?? { name: '', isQuoted: false, at: from.at };
}

function logRelation(binder: FromBinder, alias: SqlAlias | undefined, name: string): BoundFrom {
  const { fields, table, where, age } = binder.logstore;
  const engineName = `r${binder.next()}`;
  const used = new Set<number>();
  const names = renameColumns(fields, alias?.columns ?? [], (at, message) =>
    binder.expressions.fail(at, message),
  );
  const columns = fields.map(
    (field, index): ScopeColumn => ({
      name: names[index]?.name ?? field.name,
      type: field.type,
      isInStar: field.isInStar,
      get sql() {
        used.add(index);
        return `${engineName}.f${index}`;
      },
    }),
  );
  const relation: Relation = {
    name: alias?.name.name ?? name,
    columns,
    age: age.map((_column, index) => `${engineName}.a${index}`),
  };
  const render = (): string => {
    const values = [...used].sort((a, b) => a - b).map((index) => `${fields[index]?.value} AS f${index}`);
    const ages = age.map((column, index) => `${column} AS a${index}`);
    return `(SELECT ${[...values, ...ages].join(', ')} FROM ${table} WHERE ${where}) AS ${engineName}`;
  };
  return { relations: [relation], render };
}

function derived(
  binder: FromBinder,
  source: string,
  bound: { readonly columns: readonly OutputColumn[]; readonly ageCount: number },
  alias: SqlAlias | undefined,
): BoundFrom {
  const engineName = `r${binder.next()}`;
  const columns = renameColumns(bound.columns, alias?.columns ?? [], (at, message) =>
    binder.expressions.fail(at, message),
  );
  const relation: Relation = {
    name: alias?.name.name,
    columns: columns.map((column, index) => ({ ...column, sql: `${engineName}.k${index}`, isInStar: true })),
    age: Array.from({ length: bound.ageCount }, (_none, index) => `${engineName}.z${index}`),
  };
  return { relations: [relation], render: () => `${source} AS ${engineName}` };
}

function bindUnnest(from: SqlFrom & { kind: 'unnest' }, binder: FromBinder, scope: Scope): BoundFrom {
  const lists: { sql: string; type: SqlType }[] = [];
  for (const item of from.items) {
    const bound = binder.expressions.bind(item, scope);
    const element = bound.type.element ?? unknown;
    if (bound.type.name === 'map') {
      lists.push({ sql: `map_keys(${bound.sql})`, type: arrayOf(bound.type.key ?? unknown) });
      lists.push({ sql: `map_values(${bound.sql})`, type: arrayOf(element) });
    } else if (bound.type.name === 'array') lists.push({ sql: bound.sql, type: bound.type });
    else binder.expressions.fail(item.at, `Cannot unnest type: ${bound.type.name}`);
  }
  const columns: OutputColumn[] = lists.map((list, index) => ({
    name: `_col${index}`,
    type: list.type.element ?? unknown,
  }));
  const values = lists.map((list, index) => `unnest(${list.sql}) AS k${index}`);
  if (from.hasOrdinality) {
    values.push(`generate_subscripts(${lists[0]?.sql}, 1) AS k${columns.length}`);
    columns.push({ name: 'ordinality', type: bigint });
  }
  return derived(binder, `(SELECT ${values.join(', ')})`, { columns, ageCount: 0 }, from.alias);
}

function bindJoin(
  from: SqlFrom & { kind: 'join' },
  binder: FromBinder,
  parent: Scope | undefined,
): BoundFrom {
  const left = bindFrom(from.left, binder, parent);
  // UNNEST sees what stands before it.
  const right =
    from.right.kind === 'unnest'
      ? bindUnnest(from.right, binder, { relations: left.relations, parent })
      : bindFrom(from.right, binder, parent);
  const relations = [...left.relations, ...right.relations];
  const conditions = from.using.map((name) => usingCondition(name, left, right, binder));
  if (from.on !== undefined) {
    const on = binder.expressions.bind(from.on, { relations, parent });
    if (unify(on.type, { name: 'boolean' }) === undefined) {
      binder.expressions.fail(
        from.on.at,
        `JOIN ON clause must evaluate to a boolean: actual type ${on.type.name}`,
      );
    }
    conditions.push(on.sql);
  }
  const render = (): string => {
    const inner = from.right.kind === 'join' ? `(${right.render()})` : right.render();
    const on = from.join === 'cross' ? '' : ` ON ${conditions.join(' AND ')}`;
    return `${left.render()} ${from.join.toUpperCase()} JOIN ${inner}${on}`;
  };
  return { relations, render };
}

function usingCondition(name: SqlIdentifier, left: BoundFrom, right: BoundFrom, binder: FromBinder): string {
  const find = (side: BoundFrom): ScopeColumn => {
    const columns = side.relations.flatMap((relation) => relation.columns);
    const column = columns.find((candidate) => candidate.name.toLowerCase() === name.name.toLowerCase());
    return (
      column ?? binder.expressions.fail(name.at, `Column '${name.name}' is missing from one side of the join`)
    );
  };
  const [mine, other] = [find(left), find(right)];
  other.isQualifiedOnly = true;
  return `${mine.sql} = ${other.sql}`;
}
