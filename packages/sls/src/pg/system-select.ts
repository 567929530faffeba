import { columnOf, type ResultRows } from './column-types.ts';
import { PgError, syntaxError } from './pg-error.ts';
import type { SessionFacts } from './session-facts.ts';
import type { Token } from './statement-lexer.ts';
import { relationOf, relationText } from './statement-names.ts';
import {
  compareCells,
  type Expression,
  ExpressionParser,
  type Scope,
  type SystemRow,
  unsupported,
} from './system-expression.ts';
import { type Cell, type SystemTable, systemTable } from './system-tables.ts';
import { TokenReader } from './token-reader.ts';

/** A table in FROM: where its columns begin in the joined row, and how it may be called. */
interface Joined {
  readonly table: SystemTable;
  readonly alias: string;
  readonly from: number;
  readonly isLeft: boolean;
  readonly on: Expression | undefined;
}

/** How many row combinations one query may look at. */
const combinationsMax = 200_000;

/**
 * Answers a SELECT on the system tables from the catalogue: joins, WHERE, ORDER BY and LIMIT, which is what drivers
 * and ORMs ask to learn whether a table exists. Queries beyond that are refused.
 */
export function selectSystem(tokens: readonly Token[], facts: SessionFacts): ResultRows {
  try {
    return answer(tokens, facts);
  } catch (error) {
    // What is wrong here may be right in PostgreSQL, whose grammar and tables are larger.
    const isOurLimit = error instanceof PgError && /^(42601|42703)$/.test(error.sqlstate);
    if (!isOurLimit) throw error;
    const { message, hint } = unsupported(undefined);
    throw new PgError('0A000', message, {
      detail: error.message,
      ...(hint === undefined ? {} : { hint }),
      ...(error.at === undefined ? {} : { at: error.at }),
    });
  }
}

function answer(tokens: readonly Token[], facts: SessionFacts): ResultRows {
  const reader = new TokenReader(tokens);
  if (!reader.takeWords('select')) throw unsupported(reader.peek());
  const isDistinct = reader.takeWords('distinct');
  // The select list comes first but means nothing before its tables are known.
  const joined = parseTables(new TokenReader(tokens, fromAt(tokens)), facts);
  const scope = scopeOf(joined.tables, facts);
  const items = parseItems(reader, scope, joined.tables);
  const rest = joined.reader;
  const where = rest.takeWords('where') ? new ExpressionParser(rest, scope).parse() : undefined;
  const order = parseOrder(rest, scope, items);
  const limit = parseLimit(rest);
  if (rest.peek() !== undefined) throw unsupported(rest.peek());

  const rows = joinRows(joined.tables).filter((row) => where === undefined || where.evaluate(row) === 't');
  const columns = items.map((item) => columnOf(item.name, item.type));
  if (items.length === 1 && items[0] === countAll) return { columns, rows: [[String(rows.length)]] };
  const made = rows.map((row) => ({
    keys: order.map((key) => key.evaluate(row)),
    cells: items.map((item) => item.evaluate(row)),
  }));
  made.sort((a, b) => compareKeys(a.keys, b.keys, order));
  const cells = made.map((row) => row.cells);
  const distinct = isDistinct ? [...new Map(cells.map((row) => [JSON.stringify(row), row])).values()] : cells;
  return { columns, rows: distinct.slice(limit.offset, limit.offset + limit.rows) };
}

const countAll: Expression = { name: 'count', type: 'int8', evaluate: () => null };

/** Index of the token after the outermost FROM. */
function fromAt(tokens: readonly Token[]): number {
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'symbol' && token.text === '(') depth += 1;
    if (token.kind === 'symbol' && token.text === ')') depth -= 1;
    if (depth === 0 && token.kind === 'word' && token.text === 'from') return at + 1;
  }
  throw unsupported(tokens[0]);
}

function parseTables(reader: TokenReader, facts: SessionFacts): { tables: Joined[]; reader: TokenReader } {
  const tables: Joined[] = [];
  let kind: JoinKind | undefined = 'cross';
  while (kind !== undefined) {
    const { table, alias } = parseTable(reader, facts);
    const from = tables.reduce((sum, before) => sum + before.table.columns.length, 0);
    const bare: Joined = { table, alias, from, isLeft: kind === 'left', on: undefined };
    tables.push(bare);
    if (kind !== 'cross') {
      reader.expectWord('on');
      const on = new ExpressionParser(reader, scopeOf(tables, facts)).parse();
      tables[tables.length - 1] = { ...bare, on };
    }
    kind = joinKind(reader);
  }
  return { tables, reader };
}

type JoinKind = 'cross' | 'inner' | 'left';

function joinKind(reader: TokenReader): JoinKind | undefined {
  if (reader.takeSymbol(',') || reader.takeWords('cross', 'join')) return 'cross';
  if (reader.takeWords('join') || reader.takeWords('inner', 'join')) return 'inner';
  if (reader.takeWords('left', 'join') || reader.takeWords('left', 'outer', 'join')) return 'left';
  return undefined;
}

const afterTable =
  /^(join|inner|left|right|full|cross|natural|on|using|where|group|having|order|limit|offset|fetch|union|except|intersect|for|window)$/;

function parseTable(reader: TokenReader, facts: SessionFacts): { table: SystemTable; alias: string } {
  const parts = [reader.name()];
  while (parts.length < 3 && reader.takeSymbol('.')) parts.push(reader.name());
  const relation = relationOf(parts);
  const table = systemTable(relation, facts);
  if (table === undefined) {
    throw new PgError('0A000', `the system table ${relationText(relation)} is not offered`, {
      hint: 'Logstores are listed in information_schema.tables, their indexed columns in information_schema.columns.',
      at: relation.start,
    });
  }
  const hasAs = reader.takeWords('as');
  const next = reader.peek();
  const isAlias = reader.isName() && (hasAs || next?.kind === 'name' || !afterTable.test(next?.text ?? ''));
  return { table, alias: isAlias ? reader.next().text : relation.name };
}

function scopeOf(tables: readonly Joined[], facts: SessionFacts): Scope {
  return {
    facts,
    resolve(parts) {
      const column = parts.at(-1);
      const qualifier = parts.at(-2)?.text;
      if (column === undefined) throw syntaxError(undefined);
      const found = tables
        .filter((joined) => qualifier === undefined || joined.alias === qualifier)
        .flatMap((joined) =>
          joined.table.columns.flatMap(({ name, type }, at) =>
            name === column.text ? [{ at: joined.from + at, type }] : [],
          ),
        );
      const spelled = parts.map((part) => part.text).join('.');
      if (found.length > 1) {
        throw new PgError('42702', `column reference "${spelled}" is ambiguous`, { at: column.start });
      }
      const only = found[0];
      if (only !== undefined) return only;
      const shown = parts.length > 1 ? spelled : `"${spelled}"`;
      throw new PgError('42703', `column ${shown} does not exist`, { at: parts[0]?.start ?? column.start });
    },
  };
}

function parseItems(reader: TokenReader, scope: Scope, tables: readonly Joined[]): Expression[] {
  const items: Expression[] = [];
  do {
    const star = parseStar(reader, tables);
    if (star !== undefined) items.push(...star);
    else items.push(parseItem(reader, scope));
  } while (reader.takeSymbol(','));
  reader.expectWord('from');
  return items;
}

function parseStar(reader: TokenReader, tables: readonly Joined[]): Expression[] | undefined {
  const isQualified = reader.isName() && reader.isSymbol('.', 1) && reader.isSymbol('*', 2);
  if (!isQualified && !reader.isSymbol('*')) return undefined;
  const qualifier = isQualified ? reader.next().text : undefined;
  if (isQualified) reader.next();
  reader.next();
  return tables
    .filter((joined) => qualifier === undefined || joined.alias === qualifier)
    .flatMap((joined) =>
      joined.table.columns.map(({ name, type }, at) => ({
        name,
        type,
        evaluate: (row: SystemRow) => row[joined.from + at] ?? null,
      })),
    );
}

function parseItem(reader: TokenReader, scope: Scope): Expression {
  const isCount = reader.isWord('count') && reader.isSymbol('(', 1) && reader.isSymbol('*', 2);
  if (isCount) {
    for (let taken = 0; taken < 4; taken += 1) reader.next();
    if (!reader.isWord('from')) throw unsupported(reader.peek());
    return countAll;
  }
  const value = new ExpressionParser(reader, scope).parse();
  const hasAs = reader.takeWords('as');
  if (hasAs || (reader.isName() && !reader.isWord('from'))) return { ...value, name: reader.name().text };
  return value;
}

interface OrderKey {
  readonly evaluate: Expression['evaluate'];
  readonly isDescending: boolean;
}

function parseOrder(reader: TokenReader, scope: Scope, items: readonly Expression[]): OrderKey[] {
  if (!reader.takeWords('order', 'by')) return [];
  const keys: OrderKey[] = [];
  do {
    const token = reader.peek();
    const ordinal = token?.kind === 'number' ? items[Number(token.text) - 1] : undefined;
    const named =
      reader.isName() && !reader.isSymbol('.', 1)
        ? items.find((item) => item.name === token?.text)
        : undefined;
    const chosen = ordinal ?? named;
    if (chosen !== undefined) reader.next();
    const key = chosen ?? new ExpressionParser(reader, scope).parse();
    const isDescending = reader.takeWords('desc');
    if (!isDescending) reader.takeWords('asc');
    if (reader.takeWords('nulls')) reader.name();
    keys.push({ evaluate: key.evaluate, isDescending });
  } while (reader.takeSymbol(','));
  return keys;
}

function parseLimit(reader: TokenReader): { rows: number; offset: number } {
  const limit = { rows: Number.POSITIVE_INFINITY, offset: 0 };
  for (;;) {
    if (reader.takeWords('limit')) limit.rows = count(reader);
    else if (reader.takeWords('offset')) limit.offset = count(reader);
    else return limit;
  }
}

function count(reader: TokenReader): number {
  const token = reader.next();
  if (token.kind === 'word' && token.text === 'all') return Number.POSITIVE_INFINITY;
  if (token.kind !== 'number' || !/^\d{1,9}$/.test(token.text)) throw unsupported(token);
  return Number(token.text);
}

/** Joins table by table, dropping what ON excludes before the next table multiplies it. */
function joinRows(tables: readonly Joined[]): SystemRow[] {
  let rows: SystemRow[] = [[]];
  let combinations = 0;
  for (const { table, on, isLeft } of tables) {
    combinations += rows.length * table.rows.length;
    if (combinations > combinationsMax) {
      throw new PgError('54001', `the query joins more than ${combinationsMax} combinations of rows`);
    }
    const nulls: Cell[] = table.columns.map(() => null);
    rows = rows.flatMap((left) => {
      const pairs = table.rows.map((right) => [...left, ...right]);
      const kept = on === undefined ? pairs : pairs.filter((pair) => on.evaluate(pair) === 't');
      return kept.length === 0 && isLeft ? [[...left, ...nulls]] : kept;
    });
  }
  return rows;
}

function compareKeys(a: readonly Cell[], b: readonly Cell[], order: readonly OrderKey[]): number {
  for (const [at, key] of order.entries()) {
    const compared = compareCells(a[at] ?? null, b[at] ?? null);
    if (compared !== 0) return key.isDescending ? -compared : compared;
  }
  return 0;
}
