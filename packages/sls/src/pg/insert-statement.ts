import { PgError, syntaxError } from './pg-error.ts';
import type { Lexer, Token } from './statement-lexer.ts';
import { expectSymbol, expectWord, type RelationName, relationName, takeSymbol } from './statement-names.ts';

/** One row of VALUES, in the order of the columns; `null` is SQL NULL or DEFAULT. */
export type InsertRow = readonly (string | null)[];

export interface InsertStatement {
  readonly table: RelationName;
  readonly columns: readonly string[];
  readonly rows: readonly InsertRow[];
}

/** PostgreSQL's own bound on the columns of a table. */
const columnsMax = 1600;
const nestingMax = 50;
/** What one statement may insert; PutLogs accepts 4,096 logs at a time in the service. */
export const insertRowsMax = 10_000;

/**
 * Parses what follows the word INSERT up to the statement's end. Values must be constants: the interface is for
 * writing logs, and clients of the simple protocol interpolate their parameters before they send.
 */
export function parseInsert(lexer: Lexer): InsertStatement {
  expectWord(lexer, 'into');
  const table = relationName(lexer);
  if (isWord(lexer.peek(), 'as')) {
    lexer.next();
    lexer.next();
  }
  const columns = parseColumns(lexer);
  const values = lexer.peek();
  if (isWord(values, 'select') || isWord(values, 'with') || isWord(values, 'default')) {
    throw notSupported(`INSERT … ${values?.text.toUpperCase()}`, values);
  }
  expectWord(lexer, 'values');
  const rows = [parseRow(lexer, columns)];
  while (takeSymbol(lexer, ',')) {
    if (rows.length >= insertRowsMax) {
      throw new PgError('54000', `INSERT has more than ${insertRowsMax} rows`, {
        hint: 'Split the rows over several INSERT statements.',
      });
    }
    rows.push(parseRow(lexer, columns));
  }
  const after = lexer.peek();
  if (isWord(after, 'returning') || isWord(after, 'on')) {
    throw notSupported(isWord(after, 'on') ? 'INSERT … ON CONFLICT' : 'INSERT … RETURNING', after);
  }
  return { table, columns, rows };
}

function parseColumns(lexer: Lexer): string[] {
  const open = lexer.peek();
  if (open?.kind !== 'symbol' || open.text !== '(') {
    throw new PgError('42601', 'INSERT needs a list of column names', {
      hint: 'A logstore has no fixed order of columns: write INSERT INTO logstore ("a", "b") VALUES (…).',
      ...(open === undefined ? {} : { at: open.start }),
    });
  }
  lexer.next();
  const columns: string[] = [];
  const seen = new Set<string>();
  for (;;) {
    const column = lexer.next();
    if (column?.kind !== 'word' && column?.kind !== 'name') throw syntaxError(column);
    if (seen.has(column.text)) {
      throw new PgError('42701', `column "${column.text}" specified more than once`, { at: column.start });
    }
    if (columns.length >= columnsMax)
      throw new PgError('54011', `INSERT has more than ${columnsMax} columns`);
    seen.add(column.text);
    columns.push(column.text);
    if (!hasMore(lexer)) return columns;
  }
}

function parseRow(lexer: Lexer, columns: readonly string[]): InsertRow {
  const open = lexer.peek();
  expectSymbol(lexer, '(');
  const row: (string | null)[] = [];
  do {
    const at = lexer.peek()?.start;
    const value = parseValue(lexer);
    if (row.length >= columns.length) {
      throw new PgError(
        '42601',
        'INSERT has more expressions than target columns',
        at === undefined ? {} : { at },
      );
    }
    row.push(value);
  } while (hasMore(lexer));
  if (row.length < columns.length) {
    throw new PgError('42601', 'INSERT has more target columns than expressions', {
      ...(open === undefined ? {} : { at: open.start }),
    });
  }
  return row;
}

/** After an element of a list: consumes `,` (true) or `)` (false). */
function hasMore(lexer: Lexer): boolean {
  const token = lexer.next();
  if (token?.kind === 'symbol' && token.text === ',') return true;
  if (token?.kind === 'symbol' && token.text === ')') return false;
  throw syntaxError(token);
}

function parseValue(lexer: Lexer): string | null {
  const value = parseOperand(lexer, 0);
  const next = lexer.peek();
  if (next?.kind === 'symbol' && (next.text === ',' || next.text === ')')) return value;
  if (next?.kind === 'symbol') throw notConstant(next);
  throw syntaxError(next);
}

/** A constant with its casts; the JDBC driver puts each one in parentheses: `(('a'), ('5'::int8))`. */
function parseOperand(lexer: Lexer, depth: number): string | null {
  let value: string | null;
  if (takeSymbol(lexer, '(')) {
    if (depth >= nestingMax) throw new PgError('54001', 'stack depth limit exceeded');
    value = parseOperand(lexer, depth + 1);
    expectSymbol(lexer, ')');
  } else {
    value = parseConstant(lexer);
  }
  // A cast of a constant does not change what is stored: every value of a log is text.
  while (takeSymbol(lexer, '::')) skipTypeName(lexer);
  return value;
}

function parseConstant(lexer: Lexer): string | null {
  const token = lexer.next();
  if (token === undefined) throw syntaxError(undefined);
  if (token.kind === 'string' || token.kind === 'number') return token.text;
  if (token.kind === 'symbol' && (token.text === '-' || token.text === '+')) {
    const digits = lexer.next();
    if (digits?.kind !== 'number') throw digits === undefined ? syntaxError(undefined) : notConstant(digits);
    return token.text === '-' ? `-${digits.text}` : digits.text;
  }
  if (token.kind !== 'word') throw token.kind === 'name' ? notConstant(token) : syntaxError(token);
  if (token.text === 'null' || token.text === 'default') return null;
  if (token.text === 'true' || token.text === 'false') return token.text;
  throw notConstant(token);
}

function skipTypeName(lexer: Lexer): void {
  let isFirst = true;
  for (;;) {
    const token = lexer.peek();
    const isName = token?.kind === 'word' || token?.kind === 'name';
    if (!isName) {
      if (isFirst) throw syntaxError(token);
      break;
    }
    isFirst = false;
    lexer.next();
  }
  if (lexer.peek()?.text !== '(') return;
  lexer.next();
  while (lexer.next()?.kind === 'number' && hasMore(lexer));
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function notConstant(token: Token): PgError {
  return new PgError('0A000', 'INSERT accepts constants only', {
    detail: `"${token.source}" is not a literal, NULL, DEFAULT, TRUE or FALSE.`,
    at: token.start,
  });
}

function notSupported(what: string, token: Token | undefined): PgError {
  return new PgError('0A000', `${what} is not supported`, token === undefined ? {} : { at: token.start });
}
