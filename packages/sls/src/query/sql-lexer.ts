import { sqlSyntaxError } from './query-error.ts';

export interface SqlToken {
  readonly kind: 'name' | 'quoted' | 'string' | 'number' | 'sign' | 'end';
  /** The value: a name as written, a literal without its quotes. */
  readonly text: string;
  /** Lower case of an unquoted name, for keywords; the sign itself; empty otherwise. */
  readonly word: string;
  readonly at: number;
  readonly end: number;
}

const signs = ['->', '<>', '!=', '<=', '>=', '||', '::', '=>'];

/** Cuts a statement into tokens; the last one is `end`. Throws the service's sentence and place. */
export function tokenizeSql(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  for (;;) {
    at = skipBlanks(sql, at);
    const token = readToken(sql, at);
    tokens.push(token);
    if (token.kind === 'end') return tokens;
    at = token.end;
  }
}

function skipBlanks(sql: string, from: number): number {
  let at = from;
  for (;;) {
    while (at < sql.length && /\s/.test(sql.charAt(at))) at += 1;
    if (sql.startsWith('--', at)) {
      const newline = sql.indexOf('\n', at);
      at = newline < 0 ? sql.length : newline;
    } else if (sql.startsWith('/*', at)) {
      const close = sql.indexOf('*/', at + 2);
      if (close < 0) throw sqlSyntaxError(sql, at, 'unclosed comment');
      at = close + 2;
    } else {
      return at;
    }
  }
}

function readToken(sql: string, at: number): SqlToken {
  const char = sql.charAt(at);
  if (char === '') return { kind: 'end', text: '<EOF>', word: '', at, end: at };
  if (char === "'") return readString(sql, at);
  if (char === '"' || char === '`') return readQuoted(sql, at, char);
  if (/[0-9]/.test(char) || (char === '.' && /[0-9]/.test(sql.charAt(at + 1)))) return readNumber(sql, at);
  if (/[\p{L}_]/u.test(codePoint(sql, at))) return readName(sql, at);
  const sign = signs.find((candidate) => sql.startsWith(candidate, at)) ?? char;
  if (!/^[-+*/%=<>!|:,.;()[\]?]+$/.test(sign) || sign === '!' || sign === '|' || sign === '?') {
    throw sqlSyntaxError(sql, at, `mismatched input '${codePoint(sql, at)}'`);
  }
  if (sign === ':') throw sqlSyntaxError(sql, at, "identifiers must not contain ':'");
  return { kind: 'sign', text: sign, word: sign, at, end: at + sign.length };
}

function codePoint(sql: string, at: number): string {
  return String.fromCodePoint(sql.codePointAt(at) ?? 0);
}

function readString(sql: string, at: number): SqlToken {
  let text = '';
  let from = at + 1;
  for (;;) {
    const quote = sql.indexOf("'", from);
    if (quote < 0) throw sqlSyntaxError(sql, at, 'unclosed string literal');
    text += sql.slice(from, quote);
    if (sql.charAt(quote + 1) !== "'") return { kind: 'string', text, word: '', at, end: quote + 1 };
    text += "'";
    from = quote + 2;
  }
}

function readQuoted(sql: string, at: number, quote: string): SqlToken {
  if (quote === '`')
    throw sqlSyntaxError(
      sql,
      at,
      'backquoted identifiers are not supported; use double quotes to quote identifiers',
    );
  let text = '';
  let from = at + 1;
  for (;;) {
    const close = sql.indexOf('"', from);
    if (close < 0) throw sqlSyntaxError(sql, at, 'unclosed quoted identifier');
    text += sql.slice(from, close);
    if (sql.charAt(close + 1) !== '"') {
      if (text === '') throw sqlSyntaxError(sql, at, 'Zero-length delimited identifier not allowed');
      return { kind: 'quoted', text, word: '', at, end: close + 1 };
    }
    text += '"';
    from = close + 2;
  }
}

function readNumber(sql: string, at: number): SqlToken {
  const text = /^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/.exec(sql.slice(at, at + 400))?.[0] ?? '';
  if (/[\p{L}_]/u.test(codePoint(sql, at + text.length))) {
    throw sqlSyntaxError(
      sql,
      at,
      'identifiers must not start with a digit; surround the identifier with double quotes',
    );
  }
  return { kind: 'number', text, word: '', at, end: at + text.length };
}

function readName(sql: string, at: number): SqlToken {
  let end = at;
  while (end < sql.length && /[\p{L}\p{N}_@$]/u.test(codePoint(sql, end))) end += codePoint(sql, end).length;
  const text = sql.slice(at, end);
  return { kind: 'name', text, word: text.toLowerCase(), at, end };
}
