import { excerpt, PgError } from './pg-error.ts';

/**
 * One lexical unit of a statement. `text` is the meaning (an unquoted word folded to lower case, the value of a
 * string or quoted name), `source` the spelling.
 */
export interface Token {
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'symbol';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly source: string;
  /** A string whose spelling only PostgreSQL knows: E'…' or $$…$$. */
  readonly isForeign: boolean;
}

export interface Lexer {
  /** The next token, or `undefined` at the end. Throws PgError for an unterminated string, name or comment. */
  next(): Token | undefined;
  peek(): Token | undefined;
}

const blank = /[ \t\n\r\f\v]+/y;
const lineComment = /--[^\n\r]*/y;
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const number = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const symbol = /::|<>|!=|<=|>=|\|\||[^\s]/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const parameter = /\$\d+/y;
/** Strings separated by white space with a line end are one string (PostgreSQL manual 4.1.2.1). */
const continuation = /[ \t\f\v]*[\n\r][ \t\n\r\f\v]*'/y;

/**
 * Reads a text token by token, as PostgreSQL's lexer does with standard_conforming_strings on (manual, section
 * 4.1). Tokens are made on demand, because one statement may carry megabytes of literals.
 */
export function createLexer(text: string): Lexer {
  let at = 0;
  let peeked: Token | undefined;
  let hasPeeked = false;

  function read(): Token | undefined {
    const token = readToken(text, at);
    if (token !== undefined) at = token.end;
    return token;
  }

  return {
    next() {
      if (!hasPeeked) return read();
      hasPeeked = false;
      return peeked;
    },
    peek() {
      if (!hasPeeked) {
        peeked = read();
        hasPeeked = true;
      }
      return peeked;
    },
  };
}

function readToken(text: string, from: number): Token | undefined {
  const start = skipBlank(text, from);
  if (start >= text.length) return undefined;
  const first = text.charAt(start);
  if (first === "'") return token(text, 'string', start, plainString(text, start));
  if (first === '"') return token(text, 'name', start, quotedName(text, start));
  if ((first === 'e' || first === 'E') && text.charAt(start + 1) === "'") {
    return token(text, 'string', start, escapeString(text, start), true);
  }
  if (first === '$') return dollarToken(text, start);
  if ((first === 'u' || first === 'U') && /^&['"]/.test(text.slice(start + 1, start + 3))) {
    throw new PgError('0A000', 'Unicode escapes (U&) are not supported', { at: start });
  }
  const wordText = matchAt(word, text, start);
  if (wordText !== undefined) {
    return token(text, 'word', start, { value: fold(wordText), end: start + wordText.length });
  }
  const numberText = matchAt(number, text, start);
  const value = numberText ?? matchAt(symbol, text, start) ?? first;
  return token(text, numberText === undefined ? 'symbol' : 'number', start, {
    value,
    end: start + value.length,
  });
}

function token(text: string, kind: Token['kind'], start: number, found: Found, isForeign = false): Token {
  const { value, end } = found;
  // A string's spelling is only needed for error messages, and those show its beginning.
  const sourceEnd = kind === 'string' ? Math.min(end, start + 80) : end;
  return { kind, text: value, start, end, source: text.slice(start, sourceEnd), isForeign };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function skipBlank(text: string, from: number): number {
  let at = from;
  for (;;) {
    const skipped = matchAt(blank, text, at) ?? matchAt(lineComment, text, at);
    if (skipped !== undefined) at += skipped.length;
    else if (text.startsWith('/*', at)) at = endOfBlockComment(text, at);
    else return at;
  }
}

function dollarToken(text: string, start: number): Token {
  const tag = matchAt(dollarTag, text, start);
  if (tag === undefined) {
    const name = matchAt(parameter, text, start);
    if (name !== undefined) throw new PgError('42P02', `there is no parameter ${name}`, { at: start });
    return token(text, 'symbol', start, { value: '$', end: start + 1 });
  }
  const close = text.indexOf(tag, start + tag.length);
  if (close < 0) throw unterminated('dollar-quoted string', text, start);
  const value = text.slice(start + tag.length, close);
  return token(text, 'string', start, { value, end: close + tag.length }, true);
}

interface Found {
  readonly value: string;
  readonly end: number;
}

/** Folds the case of an unquoted word; only ASCII letters, as PostgreSQL does in UTF-8 databases. */
function fold(text: string): string {
  return text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
}

function endOfBlockComment(text: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let found = edge.exec(text); found !== null; found = edge.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  throw unterminated('/* comment', text, start);
}

function plainString(text: string, start: number): Found {
  let value = '';
  let from = start + 1;
  for (;;) {
    const close = closingQuote(text, from, start);
    // One pass over the whole part: joining the pieces between doubled quotes is ten times slower.
    value += text.slice(from, close).replaceAll("''", "'");
    continuation.lastIndex = close + 1;
    if (!continuation.test(text)) return { value, end: close + 1 };
    from = continuation.lastIndex;
  }
}

/** The next quote that is not doubled. */
function closingQuote(text: string, from: number, start: number): number {
  for (let at = text.indexOf("'", from); at >= 0; at = text.indexOf("'", at + 2)) {
    if (text.charCodeAt(at + 1) !== 0x27) return at;
  }
  throw unterminated('quoted string', text, start);
}

function quotedName(text: string, start: number): Found {
  let value = '';
  let from = start + 1;
  for (;;) {
    const close = text.indexOf('"', from);
    if (close < 0) throw unterminated('quoted identifier', text, start);
    value += text.slice(from, close);
    if (text.charAt(close + 1) !== '"') {
      if (value === '') {
        throw new PgError('42601', 'zero-length delimited identifier at or near """"', { at: start });
      }
      return { value, end: close + 1 };
    }
    value += '"';
    from = close + 2;
  }
}

const simpleEscapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

function escapeString(text: string, start: number): Found {
  const edge = /['\\]/g;
  edge.lastIndex = start + 2;
  let value = '';
  let from = start + 2;
  for (let found = edge.exec(text); found !== null; found = edge.exec(text)) {
    value += text.slice(from, found.index);
    if (found[0] === "'") {
      if (text.charAt(found.index + 1) !== "'") return { value, end: found.index + 1 };
      value += "'";
      from = found.index + 2;
    } else {
      const escaped = escapeAt(text, found.index);
      value += escaped.value;
      from = escaped.end;
    }
    edge.lastIndex = from;
  }
  throw unterminated('quoted string', text, start);
}

/** One backslash escape (PostgreSQL manual, table 4.1). */
function escapeAt(text: string, at: number): Found {
  const numeric = /^\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))/.exec(
    text.slice(at, at + 10),
  );
  if (numeric !== null) {
    const [source, octal, hex, short, long] = numeric;
    const code =
      octal === undefined ? Number.parseInt(hex ?? short ?? long ?? '', 16) : Number.parseInt(octal, 8);
    const isByte = octal !== undefined || hex !== undefined;
    if (code === 0 || code > 0x10ffff || (isByte && code > 0x7f)) {
      throw new PgError('22021', `invalid byte sequence for encoding "UTF8": ${source}`, { at });
    }
    return { value: String.fromCodePoint(code), end: at + source.length };
  }
  const next = text.charAt(at + 1);
  if (next === 'u' || next === 'U') throw new PgError('22025', 'invalid Unicode escape', { at });
  return { value: simpleEscapes[next] ?? next, end: at + 2 };
}

function unterminated(what: string, text: string, start: number): PgError {
  return new PgError('42601', `unterminated ${what} at or near "${excerpt(text.slice(start, start + 80))}"`, {
    at: start,
  });
}
