import { sqlError } from './query-error.ts';
import {
  plainCall,
  type SqlCall,
  type SqlExpression,
  type SqlQuery,
  type SqlSortItem,
  type SqlWindow,
} from './sql-ast.ts';
import { castSql } from './sql-cast.ts';
import { argumentProblem, type Bound, type CallContext } from './sql-functions/function-spec.ts';
import { nonZero } from './sql-functions/math.ts';
import { findFunction } from './sql-functions/registry.ts';
import { type BoundExpression, resolveName, type Scope } from './sql-scope.ts';
import { raise, sqlString } from './sql-text.ts';
import {
  arrayOf,
  bigint,
  boolean,
  date,
  double,
  engineType,
  interval,
  isNumeric,
  isTemporal,
  printType,
  readType,
  type SqlType,
  timestamp,
  timestampIn,
  unify,
  unknown,
  varchar,
} from './sql-type.ts';
import { isTimeZone } from './time-zone.ts';

export interface BinderSettings {
  /** The statement, for positions in messages. */
  readonly sql: string;
  readonly timeZone: string;
  /** PostgreSQL clients: a string literal takes the type of what it is compared with. */
  readonly areLiteralsCoerced: boolean;
}

/** A subquery inside an expression, bound by the query translator. */
export type SubqueryBinder = (
  query: SqlQuery,
  scope: Scope,
) => { readonly sql: string; readonly types: readonly SqlType[] };

/** Windows whose result depends on the order of equal rows: newest comes first there. */
const orderSensitive = new Set(['row_number', 'lag', 'lead', 'ntile']);

/** Turns expressions into the index engine's SQL, with types; every name is resolved, every function known. */
export class ExpressionBinder {
  readonly #settings: BinderSettings;
  readonly #subquery: SubqueryBinder;

  constructor(settings: BinderSettings, subquery: SubqueryBinder) {
    this.#settings = settings;
    this.#subquery = subquery;
  }

  bind(node: SqlExpression, scope: Scope): BoundExpression {
    const bound = this.#bind(node, scope);
    const isGrouped = bound.ungrouped !== undefined && scope.grouped?.has(bound.sql) === true;
    return isGrouped ? { ...bound, ungrouped: undefined } : bound;
  }

  /** ORDER BY's text for one expression. NULLs come last unless the statement says otherwise. */
  sortKey(sql: string, item: SqlSortItem): string {
    return `${sql} ${item.isDescending ? 'DESC' : 'ASC'} NULLS ${item.areNullsFirst === true ? 'FIRST' : 'LAST'}`;
  }

  fail(at: number, message: string): never {
    throw sqlError(this.#settings.sql, at, message);
  }

  #bind(node: SqlExpression, scope: Scope): BoundExpression {
    switch (node.kind) {
      case 'number':
        return this.#number(node.text, node.at);
      case 'string':
        return { ...plain(sqlString(node.text), varchar), literal: node.text };
      case 'boolean':
        return plain(node.value ? 'TRUE' : 'FALSE', boolean);
      case 'null':
        return plain('NULL', unknown);
      case 'typed':
        return this.#typedLiteral(node.type, node.text, node.at);
      case 'interval':
        return plain(`INTERVAL '${node.amount}' ${node.unit}`, interval);
      case 'column':
        return resolveName(this.#settings.sql, scope, node.parts);
      case 'call':
        return this.#call(node, scope);
      case 'subquery': {
        const { sql, types } = this.#subquery(node.query, scope);
        if (types.length !== 1)
          this.fail(
            node.at,
            `Multiple columns returned by subquery are not yet supported. Found ${types.length}`,
          );
        return plain(`(${sql})`, types[0] ?? unknown);
      }
      case 'exists':
        return plain(`EXISTS (${this.#subquery(node.query, scope).sql})`, boolean);
      case 'lambda':
        return this.fail(node.at, 'lambda expressions are not supported');
      case 'row':
        return this.#list(node.items, scope, (items) => [`ROW(${items.join(', ')})`, { name: 'row' }]);
      case 'array':
        return this.#array(node.items, scope, node.at);
      default:
        return this.#operator(node, scope);
    }
  }

  #operator(node: SqlExpression, scope: Scope): BoundExpression {
    switch (node.kind) {
      case 'negate': {
        const operand = this.bind(node.operand, scope);
        if (!isNumeric(operand.type) && operand.type.name !== 'unknown' && operand.type.name !== 'interval') {
          this.fail(node.at, `'-' cannot be applied to ${printType(operand.type)}`);
        }
        return derive([operand], `(-${operand.sql})`, operand.type);
      }
      case 'not':
        return this.#boolean([node.operand], scope, ([x = '']) => `(NOT ${x})`);
      case 'logic':
        return this.#boolean(
          node.operands,
          scope,
          (all) => `(${all.join(node.operator === 'and' ? ' AND ' : ' OR ')})`,
        );
      case 'binary':
        return this.#binary(node, scope);
      case 'isNull': {
        const operand = this.bind(node.operand, scope);
        // Empty text counts as no value in analytics.
        const value = operand.type.name === 'varchar' ? `nullif(${operand.sql}, '')` : operand.sql;
        return derive([operand], `(${value} IS ${node.isNegated ? 'NOT ' : ''}NULL)`, boolean);
      }
      case 'isDistinct': {
        const [left, right] = this.#comparable('IS DISTINCT FROM', node.left, node.right, scope, node.at);
        return derive(
          [left, right],
          `(${left.sql} IS ${node.isNegated ? 'NOT ' : ''}DISTINCT FROM ${right.sql})`,
          boolean,
        );
      }
      case 'between':
        return this.#between(node, scope);
      case 'in':
        return this.#in(node, scope);
      case 'like':
        return this.#like(node, scope);
      case 'case':
        return this.#case(node, scope);
      case 'cast':
        return this.#cast(node, scope);
      case 'extract':
        return this.#call(plainCall(node.field, [node.operand], node.at), scope);
      case 'atTimeZone':
        return this.#atTimeZone(node, scope);
      case 'subscript':
        return this.#subscript(node, scope);
      default:
        return this.fail(node.at, 'unexpected expression');
    }
  }

  #number(text: string, at: number): BoundExpression {
    if (!/^\d+$/.test(text)) return plain(`CAST(${sqlString(text)} AS DOUBLE)`, double);
    if (BigInt(text) > 2n ** 63n - 1n) this.fail(at, `Invalid numeric literal: ${text}`);
    return plain(`CAST(${text} AS BIGINT)`, bigint);
  }

  #typedLiteral(type: 'date' | 'timestamp', text: string, at: number): BoundExpression {
    const isFine =
      type === 'date'
        ? /^\d{4}-\d\d?-\d\d?$/.test(text)
        : /^\d{4}-\d\d?-\d\d?( \d\d?:\d\d(:\d\d(\.\d{1,6})?)?)?$/.test(text);
    if (!isFine) this.fail(at, `'${text}' is not a valid ${type} literal`);
    return plain(`${type.toUpperCase()} ${sqlString(text)}`, type === 'date' ? date : timestamp);
  }

  #list(
    nodes: readonly SqlExpression[],
    scope: Scope,
    emit: (sqls: readonly string[]) => readonly [string, SqlType],
  ): BoundExpression {
    const items = nodes.map((item) => this.bind(item, scope));
    return derive(items, ...emit(items.map((item) => item.sql)));
  }

  #array(nodes: readonly SqlExpression[], scope: Scope, at: number): BoundExpression {
    const items = nodes.map((item) => this.bind(item, scope));
    const element = this.#common(items, at, 'All ARRAY elements must be the same type');
    return derive(items, `[${items.map((item) => item.sql).join(', ')}]`, arrayOf(element));
  }

  #common(items: readonly Bound[], at: number, message: string): SqlType {
    return items.reduce<SqlType>(
      (type, item) =>
        unify(type, item.type) ?? this.fail(at, `${message}: ${printType(type)}, ${printType(item.type)}`),
      unknown,
    );
  }

  #boolean(
    nodes: readonly SqlExpression[],
    scope: Scope,
    emit: (sqls: readonly string[]) => string,
  ): BoundExpression {
    const operands = nodes.map((operand) => {
      const bound = this.bind(operand, scope);
      if (bound.type.name !== 'boolean' && bound.type.name !== 'unknown') {
        this.fail(operand.at, `Logical expression term must evaluate to a boolean: ${printType(bound.type)}`);
      }
      return bound;
    });
    return derive(operands, emit(operands.map((operand) => operand.sql)), boolean);
  }

  #binary(node: SqlExpression & { kind: 'binary' }, scope: Scope): BoundExpression {
    const { operator, at } = node;
    if (!['+', '-', '*', '/', '%', '||'].includes(operator)) {
      const [left, right] = this.#comparable(operator, node.left, node.right, scope, at);
      return derive([left, right], `(${left.sql} ${operator} ${right.sql})`, boolean);
    }
    const left = this.bind(node.left, scope);
    const right = this.bind(node.right, scope);
    const type = arithmeticType(operator, left.type, right.type);
    if (type === undefined)
      this.fail(at, `'${operator}' cannot be applied to ${printType(left.type)}, ${printType(right.type)}`);
    return derive([left, right], arithmetic(operator, left, right, node.right, type), type);
  }

  #comparable(
    operator: string,
    leftNode: SqlExpression,
    rightNode: SqlExpression,
    scope: Scope,
    at: number,
  ): [BoundExpression, BoundExpression] {
    let left = this.bind(leftNode, scope);
    let right = this.bind(rightNode, scope);
    if (unify(left.type, right.type) !== undefined) return [left, right];
    if (this.#settings.areLiteralsCoerced) {
      left = coerced(left, right.type) ?? left;
      right = coerced(right, left.type) ?? right;
    }
    if (unify(left.type, right.type) === undefined) {
      this.fail(at, `'${operator}' cannot be applied to ${printType(left.type)}, ${printType(right.type)}`);
    }
    return [left, right];
  }

  #between(node: SqlExpression & { kind: 'between' }, scope: Scope): BoundExpression {
    const [low, lowBound] = this.#comparable('BETWEEN', node.operand, node.low, scope, node.at);
    const [high, highBound] = this.#comparable('BETWEEN', node.operand, node.high, scope, node.at);
    const test = `(${low.sql} >= ${lowBound.sql} AND ${high.sql} <= ${highBound.sql})`;
    return derive([low, lowBound, high, highBound], node.isNegated ? `(NOT ${test})` : test, boolean);
  }

  #in(node: SqlExpression & { kind: 'in' }, scope: Scope): BoundExpression {
    const not = node.isNegated ? 'NOT ' : '';
    if ('body' in node.list) {
      const operand = this.bind(node.operand, scope);
      const { sql, types } = this.#subquery(node.list, scope);
      const [type = unknown] = types;
      if (types.length !== 1)
        this.fail(
          node.at,
          `Multiple columns returned by subquery are not yet supported. Found ${types.length}`,
        );
      if (unify(operand.type, type) === undefined)
        this.fail(
          node.at,
          `value and result of subquery must be of the same type for IN expression: ${printType(operand.type)} vs ${printType(type)}`,
        );
      return derive([operand], `(${operand.sql} ${not}IN (${sql}))`, boolean);
    }
    const pairs = node.list.map((item) => this.#comparable('IN', node.operand, item, scope, item.at));
    const operand = pairs[0]?.[0] ?? this.bind(node.operand, scope);
    const items = pairs.map(([, item]) => item);
    return derive(
      [operand, ...items],
      `(${operand.sql} ${not}IN (${items.map((item) => item.sql).join(', ')}))`,
      boolean,
    );
  }

  #like(node: SqlExpression & { kind: 'like' }, scope: Scope): BoundExpression {
    const parts = [node.operand, node.pattern, ...(node.escape === undefined ? [] : [node.escape])].map(
      (part) => {
        const bound = this.bind(part, scope);
        if (bound.type.name !== 'varchar' && bound.type.name !== 'unknown') {
          this.fail(
            part.at,
            `Left side of LIKE expression must evaluate to a varchar (actual: ${printType(bound.type)})`,
          );
        }
        return bound;
      },
    );
    const [operand, pattern, escaped] = parts.map((part) => part.sql);
    const test = `${operand} LIKE ${pattern}${escaped === undefined ? '' : ` ESCAPE ${escaped}`}`;
    return derive(parts, node.isNegated ? `(NOT ${test})` : `(${test})`, boolean);
  }

  #case(node: SqlExpression & { kind: 'case' }, scope: Scope): BoundExpression {
    const used: BoundExpression[] = [];
    const branches = node.branches.map(({ when, result }) => {
      let condition: BoundExpression;
      if (node.operand === undefined) condition = this.#boolean([when], scope, ([x = '']) => x);
      else {
        const [left, right] = this.#comparable('=', node.operand, when, scope, when.at);
        condition = derive([left, right], `${left.sql} = ${right.sql}`, boolean);
      }
      const value = this.bind(result, scope);
      used.push(condition, value);
      return { condition, value };
    });
    const otherwise = node.otherwise === undefined ? undefined : this.bind(node.otherwise, scope);
    if (otherwise !== undefined) used.push(otherwise);
    const values = [
      ...branches.map((branch) => branch.value),
      ...(otherwise === undefined ? [] : [otherwise]),
    ];
    const type = this.#common(values, node.at, 'All CASE results must be the same type');
    const whens = branches.map(({ condition, value }) => `WHEN ${condition.sql} THEN ${value.sql}`).join(' ');
    return derive(
      used,
      `(CASE ${whens}${otherwise === undefined ? '' : ` ELSE ${otherwise.sql}`} END)`,
      type,
    );
  }

  #cast(node: SqlExpression & { kind: 'cast' }, scope: Scope): BoundExpression {
    const operand = this.bind(node.operand, scope);
    const type = readType(node.type);
    if (type === undefined) this.fail(node.type.at, `Unknown type: ${node.type.name}`);
    const sql = castSql(operand.sql, operand.type, type, node.isTry);
    if (sql === undefined) this.fail(node.at, `Cannot cast ${printType(operand.type)} to ${printType(type)}`);
    return derive([operand], sql, type);
  }

  #atTimeZone(node: SqlExpression & { kind: 'atTimeZone' }, scope: Scope): BoundExpression {
    const operand = this.bind(node.operand, scope);
    const zone = this.bind(node.zone, scope).literal;
    if (zone === undefined) this.fail(node.zone.at, 'the time zone must be a constant');
    if (!isTimeZone(zone)) this.fail(node.zone.at, `Time zone not supported: ${zone}`);
    if (!isTemporal(operand.type))
      this.fail(
        node.at,
        `Type of value must be a time or timestamp with or without time zone (actual ${printType(operand.type)})`,
      );
    const from = operand.type.zone ?? this.#settings.timeZone;
    const sql = `timezone(${sqlString(zone)}, timezone(${sqlString(from)}, CAST(${operand.sql} AS TIMESTAMP)))`;
    return derive([operand], sql, timestampIn(zone));
  }

  #subscript(node: SqlExpression & { kind: 'subscript' }, scope: Scope): BoundExpression {
    const operand = this.bind(node.operand, scope);
    const index = this.bind(node.index, scope);
    const element = operand.type.element ?? unknown;
    const isMap = operand.type.name === 'map';
    if (!isMap && operand.type.name !== 'array') {
      this.fail(node.at, `'[]' cannot be applied to ${printType(operand.type)}, ${printType(index.type)}`);
    }
    const value = isMap ? `map_extract_value(${operand.sql}, ${index.sql})` : `${operand.sql}[${index.sql}]`;
    if (element.name === 'unknown') return derive([operand, index], value, element);
    // What is not there ends the statement; the engine would give NULL.
    const [isThere, message] = isMap
      ? [`map_contains(${operand.sql}, ${index.sql})`, 'Key not present in map']
      : [`${index.sql} BETWEEN 1 AND len(${operand.sql})`, 'Array subscript out of bounds'];
    const checked = `(CASE WHEN ${isThere} THEN ${value} WHEN ${operand.sql} IS NOT NULL AND ${index.sql} IS NOT NULL THEN ${raise(message, engineType(element))} END)`;
    return derive([operand, index], checked, element);
  }

  #call(node: SqlCall, scope: Scope): BoundExpression {
    const spec = findFunction(node.name);
    if (spec === undefined) this.fail(node.at, `Function ${node.name} not registered`);
    const inner = spec.kind === 'aggregate' && node.over === undefined ? withoutGrouping(scope) : scope;
    const values = node.arguments.map((argument) => this.bind(argument, inner));
    if (node.isStar && node.name !== 'count')
      this.fail(node.at, `Unexpected parameters (*) for function ${node.name}`);
    const problem = argumentProblem(node.name, spec, values);
    if (problem !== undefined) this.fail(node.at, problem);
    if (spec.kind === 'window' && node.over === undefined)
      this.fail(node.at, `Window function ${node.name} requires an OVER clause`);
    if (spec.kind === 'scalar' && node.over !== undefined)
      this.fail(node.at, `Function ${node.name} is not a window function`);
    const context = this.#context(node, scope);
    const emitted = spec.emit(values, context);
    if (spec.kind === 'scalar')
      return { ...derive(values, emitted.sql, emitted.type), literal: emitted.literal };
    if (node.over !== undefined) return derive([...values, ...context.used], emitted.sql, emitted.type);
    const nested = values.find((value) => value.hasAggregate);
    if (nested !== undefined)
      this.fail(node.at, `Cannot nest aggregations inside aggregation '${node.name}'`);
    return { sql: emitted.sql, type: emitted.type, hasAggregate: true, ungrouped: undefined };
  }

  /** Binds what stands around a call's arguments; `call` writes it into the engine's call. */
  #context(node: SqlCall, scope: Scope): CallContext & { readonly used: readonly BoundExpression[] } {
    const inner = node.over === undefined ? withoutGrouping(scope) : scope;
    const order = node.orderBy.map((item) => this.sortKey(this.bind(item.expression, inner).sql, item));
    const filter = node.filter === undefined ? undefined : this.bind(node.filter, inner);
    const over = node.over === undefined ? undefined : this.#window(node.over, node.name, scope);
    const orderSql = order.length === 0 ? '' : ` ORDER BY ${order.join(', ')}`;
    const nullsSql = node.areNullsIgnored ? ' IGNORE NULLS' : '';
    const filterSql = filter === undefined ? '' : ` FILTER (WHERE ${filter.sql})`;
    const overSql = over === undefined ? '' : ` OVER (${over.sql})`;
    return {
      timeZone: this.#settings.timeZone,
      fail: (message) => this.fail(node.at, message),
      call: (engineName, list) =>
        `${engineName}(${node.isDistinct ? 'DISTINCT ' : ''}${list}${orderSql}${nullsSql})${filterSql}${overSql}`,
      used: over?.used ?? [],
    };
  }

  #window(window: SqlWindow, name: string, scope: Scope): { sql: string; used: readonly BoundExpression[] } {
    const partition = window.partitionBy.map((item) => this.bind(item, scope));
    const sorted = window.orderBy.map((item) => ({ item, bound: this.bind(item.expression, scope) }));
    const keys = sorted.map(({ item, bound }) => this.sortKey(bound.sql, item));
    // Equal rows would come in any order; the newest log first is what readers expect.
    if (orderSensitive.has(name) && scope.grouped === undefined) keys.push(...newestFirstKeys(scope));
    const parts = [
      partition.length === 0 ? '' : `PARTITION BY ${partition.map((bound) => bound.sql).join(', ')}`,
      keys.length === 0 ? '' : `ORDER BY ${keys.join(', ')}`,
      window.frame === undefined ? '' : frameSql(window.frame),
    ];
    return {
      sql: parts.filter((part) => part !== '').join(' '),
      used: [...partition, ...sorted.map(({ bound }) => bound)],
    };
  }
}

/** ORDER BY keys that put the newest log first; none where rows are not single logs. */
export function newestFirstKeys(scope: Scope): string[] {
  return (scope.relations[0]?.age ?? []).map((key) => `${key} DESC NULLS LAST`);
}

function frameSql(frame: NonNullable<SqlWindow['frame']>): string {
  const unit = frame.unit.toUpperCase();
  return frame.end === undefined
    ? `${unit} ${frame.start}`
    : `${unit} BETWEEN ${frame.start} AND ${frame.end}`;
}

function plain(sql: string, type: SqlType): BoundExpression {
  return { sql, type, hasAggregate: false, ungrouped: undefined };
}

function derive(from: readonly BoundExpression[], sql: string, type: SqlType): BoundExpression {
  return {
    sql,
    type,
    hasAggregate: from.some((part) => part.hasAggregate),
    ungrouped: from.find((part) => part.ungrouped !== undefined)?.ungrouped,
  };
}

function withoutGrouping(scope: Scope): Scope {
  const { grouped: _grouped, ...rest } = scope;
  return rest;
}

function coerced(bound: BoundExpression, type: SqlType): BoundExpression | undefined {
  if (bound.literal === undefined) return undefined;
  const sql = castSql(bound.sql, varchar, type, false);
  return sql === undefined ? undefined : { ...bound, sql, type };
}

function arithmeticType(operator: string, left: SqlType, right: SqlType): SqlType | undefined {
  if (operator === '||') {
    const type = unify(left, right);
    return type?.name === 'varchar' || type?.name === 'array' || type?.name === 'unknown' ? type : undefined;
  }
  if (left.name === 'unknown' || right.name === 'unknown') return left.name === 'unknown' ? right : left;
  if (isNumeric(left) && isNumeric(right))
    return left.name === 'double' || right.name === 'double' ? double : bigint;
  if (operator === '+' && left.name === 'interval' && isTemporal(right)) return right;
  if ((operator === '+' || operator === '-') && right.name === 'interval') {
    return isTemporal(left) || left.name === 'interval' ? left : undefined;
  }
  if (operator === '-' && isTemporal(left) && left.name === right.name) return interval;
  return undefined;
}

function arithmetic(
  operator: string,
  left: Bound,
  right: Bound,
  rightNode: SqlExpression,
  type: SqlType,
): string {
  // A literal divisor that is not zero needs no check.
  const isSafe = rightNode.kind === 'number' && !/^0+$/.test(rightNode.text);
  const divisor = isSafe || type.name !== 'bigint' ? right.sql : nonZero(right.sql);
  if (operator === '/' && type.name === 'bigint') return `(${left.sql} // ${divisor})`;
  if (operator === '%') return `(${left.sql} % ${divisor})`;
  const sql = `(${left.sql} ${operator} ${right.sql})`;
  return type.name === 'date' ? `CAST(${sql} AS DATE)` : sql;
}
