import { sqlError } from './query-error.ts';
import type {
  SqlBody,
  SqlExpression,
  SqlFrom,
  SqlGroupItem,
  SqlIdentifier,
  SqlQuery,
  SqlSelect,
  SqlSelectItem,
} from './sql-ast.ts';
import {
  type BoundQuery,
  type CommonTable,
  type OutputColumn,
  renameColumns,
  type SqlLogstore,
} from './sql-bound-query.ts';
import { type BinderSettings, ExpressionBinder, newestFirstKeys } from './sql-expression-binder.ts';
import { bindFrom, type FromBinder } from './sql-from.ts';
import type { BoundExpression, Relation, Scope } from './sql-scope.ts';
import { boolean, type SqlType, unify, unknown } from './sql-type.ts';

export interface SqlTranslateOptions extends BinderSettings {
  readonly logstore: SqlLogstore;
  /** A SELECT without FROM reads the logstore. */
  readonly hasImplicitFrom: boolean;
  /** LIMIT of a statement without one. */
  readonly implicitLimit: number | undefined;
}

export interface TranslatedSql {
  /** One statement of the index engine; its columns come in the order of `columns`. */
  readonly sql: string;
  readonly columns: readonly OutputColumn[];
  /** The row limit that applies; undefined when there is none. */
  readonly limit: number | undefined;
}

/** Translates one parsed statement. Throws `SlsError` for every name, function or type that does not fit. */
export function translateSql(query: SqlQuery, options: SqlTranslateOptions): TranslatedSql {
  const translator = new QueryTranslator(options);
  const limit = query.limit === undefined ? options.implicitLimit : Number(query.limit);
  const { sql, columns } = translator.query(query, {
    parent: undefined,
    commonTables: [],
    limit,
    keepsAge: false,
  });
  return { sql, columns, limit };
}

interface Surroundings {
  readonly parent: Scope | undefined;
  readonly commonTables: readonly CommonTable[];
  readonly limit: number | undefined;
  /** Whether the age columns are wanted, so that an outer query can order by them. */
  readonly keepsAge: boolean;
}

interface SelectItem {
  readonly name: string;
  readonly bound: BoundExpression;
}

class QueryTranslator {
  readonly #options: SqlTranslateOptions;
  readonly #expressions: ExpressionBinder;
  #commonTables: readonly CommonTable[] = [];
  #serial = 0;
  #depth = 0;

  constructor(options: SqlTranslateOptions) {
    this.#options = options;
    this.#expressions = new ExpressionBinder(options, (query, scope) => {
      const bound = this.#inner(query, scope, false);
      return { sql: bound.sql, types: bound.columns.map((column) => column.type) };
    });
  }

  query(query: SqlQuery, surroundings: Surroundings): BoundQuery {
    const { parent, limit } = surroundings;
    const saved = this.#commonTables;
    const isOutermost = this.#depth === 0;
    this.#depth += 1;
    this.#commonTables = surroundings.commonTables;
    const definitions: string[] = [];
    for (const { alias, query: inner } of query.with) {
      const bound = this.#inner(inner, undefined, true);
      const columns = renameColumns(bound.columns, alias.columns, (at, message) => this.#fail(at, message));
      const engineName = `q${this.#next()}`;
      definitions.push(`${engineName} AS (${bound.sql})`);
      this.#commonTables = [
        ...this.#commonTables,
        { name: alias.name.name, engineName, columns, ageCount: bound.ageCount },
      ];
    }
    const body = this.#body(query.body, query, parent, { isOutermost, keepsAge: surroundings.keepsAge });
    this.#commonTables = saved;
    this.#depth -= 1;
    const limits = `${limit === undefined ? '' : ` LIMIT ${limit}`}${query.offset === undefined ? '' : ` OFFSET ${query.offset}`}`;
    const definition = definitions.length === 0 ? '' : `WITH ${definitions.join(', ')} `;
    return { ...body, sql: `${definition}${body.sql}${limits}` };
  }

  /** A query within the statement: sees the WITH queries around it, and its own LIMIT only. */
  #inner(query: SqlQuery, parent: Scope | undefined, keepsAge: boolean): BoundQuery {
    const limit = query.limit === undefined ? undefined : Number(query.limit);
    return this.query(query, { parent, commonTables: this.#commonTables, limit, keepsAge });
  }

  #body(
    body: SqlBody,
    query: SqlQuery,
    parent: Scope | undefined,
    wants: { isOutermost: boolean; keepsAge: boolean },
  ): BoundQuery {
    if (body.kind === 'select') return this.#select(body, query, parent, wants);
    const bound = this.#setOrValues(body, parent);
    const keys = query.orderBy.map((item) => {
      const position = outputPosition(item.expression, bound.columns);
      if (position === undefined)
        this.#fail(item.at, 'ORDER BY of a set operation must name an output column');
      return this.#expressions.sortKey(`${position}`, item);
    });
    if (wants.isOutermost) keys.push(...bound.columns.map((_column, index) => `${index + 1}`));
    return { ...bound, sql: `SELECT * FROM (${bound.sql})${orderBy(keys)}` };
  }

  #setOrValues(body: Exclude<SqlBody, SqlSelect>, parent: Scope | undefined): BoundQuery {
    if (body.kind === 'nested') {
      return this.#inner(body.query, parent, false);
    }
    if (body.kind === 'values') return this.#values(body.rows, parent, body.at);
    const left = this.#branch(body.left, parent);
    const right = this.#branch(body.right, parent);
    const columns = left.columns.map((column, index) => {
      const other = right.columns[index];
      const type = other === undefined ? undefined : unify(column.type, other.type);
      if (type === undefined || left.columns.length !== right.columns.length) {
        return this.#fail(
          body.at,
          `${body.operator.toUpperCase()} query has different number or types of fields: ${left.columns.length}, ${right.columns.length}`,
        );
      }
      return { name: column.name, type };
    });
    const operator = `${body.operator.toUpperCase()}${body.isAll ? ' ALL' : ''}`;
    return { sql: `(${left.sql}) ${operator} (${right.sql})`, columns, ageCount: 0 };
  }

  #branch(body: SqlBody, parent: Scope | undefined): BoundQuery {
    const query: SqlQuery = { at: body.at, with: [], body, orderBy: [], limit: undefined, offset: undefined };
    return this.#inner(query, parent, false);
  }

  #values(
    rows: Extract<SqlBody, { kind: 'values' }>['rows'],
    parent: Scope | undefined,
    at: number,
  ): BoundQuery {
    const scope: Scope = { relations: [], parent };
    const bound = rows.map((row) => row.map((item) => this.#expressions.bind(item, scope)));
    const columns = (bound[0] ?? []).map((first, index) => ({
      name: `_col${index}`,
      type: bound.reduce<SqlType>(
        (type, row) => unify(type, row[index]?.type ?? unknown) ?? type,
        first.type,
      ),
    }));
    if (bound.some((row) => row.length !== columns.length))
      this.#fail(at, 'Values rows have mismatched types');
    const list = bound.map((row) => `(${row.map((item) => item.sql).join(', ')})`).join(', ');
    const names = columns.map((_column, index) => `k${index}`).join(', ');
    return { sql: `SELECT * FROM (VALUES ${list}) AS v(${names})`, columns, ageCount: 0 };
  }

  #select(
    select: SqlSelect,
    query: SqlQuery,
    parent: Scope | undefined,
    wants: { isOutermost: boolean; keepsAge: boolean },
  ): BoundQuery {
    const from = this.#from(select, parent);
    const scope: Scope = { relations: from.relations, parent };
    const where = select.where === undefined ? undefined : this.#condition(select.where, scope, 'WHERE');
    const free = this.#items(select.items, scope);
    const aliases = new Map(
      free
        .filter((_item, index) => hasAlias(select, free, index))
        .map((item) => [item.name.toLowerCase(), item.bound]),
    );
    const group = this.#groupBy(select.groupBy, { ...scope, aliases }, free);
    const having = select.having;
    const isGrouped =
      group.sql !== '' || having !== undefined || free.some((item) => item.bound.hasAggregate);
    const output = isGrouped ? { ...scope, grouped: group.texts } : scope;
    const items = isGrouped ? this.#items(select.items, output) : free;
    if (isGrouped) for (const item of items) this.#checkGrouped(item.bound);
    const havingSql =
      having === undefined ? undefined : this.#condition(having, { ...output, aliases }, 'HAVING');
    const isPlain = !isGrouped && !select.isDistinct;
    const keys = this.#orderBy(
      query,
      { ...output, aliases, areAliasesFirst: true },
      items,
      select.isDistinct,
    );
    if (wants.isOutermost)
      keys.push(...(isPlain ? newestFirstKeys(scope) : items.map((_item, index) => `${index + 1}`)));
    const keptAge = wants.keepsAge && isPlain ? (from.relations[0]?.age ?? []) : [];
    const list = [
      ...items.map((item, index) => `${item.bound.sql} AS k${index}`),
      ...keptAge.map((key, index) => `${key} AS z${index}`),
    ];
    const sql = [
      `SELECT ${select.isDistinct ? 'DISTINCT ' : ''}${list.join(', ')}`,
      from.render(),
      where === undefined ? '' : ` WHERE ${where}`,
      group.sql,
      havingSql === undefined ? '' : ` HAVING ${havingSql}`,
      orderBy(keys),
    ].join('');
    const columns = items.map((item) => ({ name: item.name, type: item.bound.type }));
    return { sql, columns, ageCount: keptAge.length };
  }

  #from(select: SqlSelect, parent: Scope | undefined): { relations: readonly Relation[]; render(): string } {
    const binder: FromBinder = {
      logstore: this.#options.logstore,
      commonTables: this.#commonTables,
      expressions: this.#expressions,
      next: () => this.#next(),
      query: (inner) => this.#inner(inner, parent, true),
    };
    const from: SqlFrom | undefined = select.from ?? this.#implicitFrom(select);
    if (from === undefined) return { relations: [], render: () => '' };
    const bound = bindFrom(from, binder, parent);
    return { relations: bound.relations, render: () => ` FROM ${bound.render()}` };
  }

  #implicitFrom(select: SqlSelect): SqlFrom | undefined {
    if (!this.#options.hasImplicitFrom) return undefined;
    if (this.#depth > 1) {
      this.#fail(select.at, 'you are using nested sql, please specify FROM LogStore in the innermost sql');
    }
    const log: SqlIdentifier = { name: 'log', isQuoted: false, at: select.at };
    return { kind: 'table', at: select.at, parts: [log], alias: undefined };
  }

  #condition(node: NonNullable<SqlSelect['where']>, scope: Scope, clause: string): string {
    const bound = this.#expressions.bind(node, scope);
    if (bound.type.name !== boolean.name && bound.type.name !== 'unknown') {
      this.#fail(node.at, `${clause} clause must evaluate to a boolean: actual type ${bound.type.name}`);
    }
    if (clause === 'WHERE' && bound.hasAggregate)
      this.#fail(node.at, 'WHERE clause cannot contain aggregations');
    if (clause === 'HAVING') this.#checkGrouped(bound);
    return bound.sql;
  }

  #items(items: readonly SqlSelectItem[], scope: Scope): SelectItem[] {
    const bound: SelectItem[] = [];
    for (const item of items) {
      if (item.kind === 'star') bound.push(...this.#star(item, scope));
      else {
        const expression = this.#expressions.bind(item.expression, scope);
        const name = item.alias?.name ?? nameOf(item) ?? `_col${bound.length}`;
        bound.push({ name, bound: expression });
      }
    }
    return bound;
  }

  #star(item: SqlSelectItem & { kind: 'star' }, scope: Scope): SelectItem[] {
    const wanted = item.qualifier?.name.toLowerCase();
    const relations = scope.relations.filter(
      (relation) => wanted === undefined || relation.name?.toLowerCase() === wanted,
    );
    if (relations.length === 0)
      this.#fail(
        item.at,
        wanted === undefined
          ? 'SELECT * not allowed in queries without FROM clause'
          : `Table '${item.qualifier?.name}' not found`,
      );
    return relations
      .flatMap((relation) => relation.columns)
      .filter((column) => column.isInStar && (wanted !== undefined || column.isQualifiedOnly !== true))
      .map((column) => {
        const isGrouped = scope.grouped?.has(column.sql) === true;
        const ungrouped = isGrouped ? undefined : { name: column.name, at: item.at };
        return {
          name: column.name,
          bound: { sql: column.sql, type: column.type, hasAggregate: false, ungrouped },
        };
      });
  }

  #groupBy(
    items: readonly SqlGroupItem[],
    scope: Scope,
    outputs: readonly SelectItem[],
  ): { sql: string; texts: Set<string> } {
    const texts = new Set<string>();
    const one = (node: SqlExpression): string => {
      const position = node.kind === 'number' ? Number(node.text) : undefined;
      const bound =
        position === undefined ? this.#expressions.bind(node, scope) : outputs[position - 1]?.bound;
      if (bound === undefined)
        return this.#fail(node.at, `GROUP BY position ${position} is not in select list`);
      if (bound.hasAggregate) this.#fail(node.at, 'GROUP BY clause cannot contain aggregations');
      texts.add(bound.sql);
      return bound.sql;
    };
    const parts = items.map((item) => {
      if (item.kind === 'value') return one(item.expression);
      const sets = item.sets.map((set) => `(${set.map(one).join(', ')})`);
      return `${item.kind === 'sets' ? 'GROUPING SETS' : item.kind.toUpperCase()} (${sets.join(', ')})`;
    });
    return { sql: parts.length === 0 ? '' : ` GROUP BY ${parts.join(', ')}`, texts };
  }

  #orderBy(query: SqlQuery, scope: Scope, items: readonly SelectItem[], isDistinct: boolean): string[] {
    const columns = items.map((item) => ({ name: item.name, type: item.bound.type }));
    return query.orderBy.map((item) => {
      const position = outputPosition(item.expression, columns);
      if (position !== undefined && position > items.length)
        this.#fail(item.at, `ORDER BY position ${position} is not in select list`);
      if (position !== undefined) return this.#expressions.sortKey(`${position}`, item);
      const bound = this.#expressions.bind(item.expression, scope);
      if (scope.grouped !== undefined) this.#checkGrouped(bound);
      const selected = items.findIndex((candidate) => candidate.bound.sql === bound.sql);
      if (isDistinct && selected < 0)
        this.#fail(item.at, 'For SELECT DISTINCT, ORDER BY expressions must appear in select list');
      return this.#expressions.sortKey(selected < 0 ? bound.sql : `${selected + 1}`, item);
    });
  }

  #checkGrouped(bound: BoundExpression): void {
    if (bound.ungrouped === undefined) return;
    const { name, at } = bound.ungrouped;
    this.#fail(at, `Column '${name}' not in GROUP BY clause;please add the column in the index attribute`);
  }

  #next(): number {
    this.#serial += 1;
    return this.#serial;
  }

  #fail(at: number, message: string): never {
    throw sqlError(this.#options.sql, at, message);
  }
}

function hasAlias(select: SqlSelect, items: readonly SelectItem[], index: number): boolean {
  // Without a star, items and select list correspond one to one.
  if (items.length !== select.items.length) return true;
  const item = select.items[index];
  return item?.kind === 'value' && item.alias !== undefined;
}

/** A column keeps its name; anything else gets a number. */
function nameOf(item: SqlSelectItem & { kind: 'value' }): string | undefined {
  return item.expression.kind === 'column' ? item.expression.parts.at(-1)?.name : undefined;
}

/** Where ORDER BY points into the select list: `2`, or the name of exactly one output column. */
function outputPosition(
  node: SqlQuery['orderBy'][number]['expression'],
  columns: readonly OutputColumn[],
): number | undefined {
  if (node.kind === 'number' && /^\d+$/.test(node.text))
    return Number(node.text) === 0 ? columns.length + 1 : Number(node.text);
  if (node.kind !== 'column' || node.parts.length !== 1) return undefined;
  const wanted = node.parts[0]?.name.toLowerCase();
  const matches = columns.flatMap((column, index) =>
    column.name.toLowerCase() === wanted ? [index + 1] : [],
  );
  return matches.length === 1 ? matches[0] : undefined;
}

function orderBy(keys: readonly string[]): string {
  return keys.length === 0 ? '' : ` ORDER BY ${keys.join(', ')}`;
}
