import { type InsertStatement, parseInsert } from './insert-statement.ts';
import { PgError, syntaxError } from './pg-error.ts';
import { parseReset, parseSet, parseShow, type SettingStatement } from './setting-statement.ts';
import { createLexer, type Lexer, type Token } from './statement-lexer.ts';
import { parseTransaction, type TransactionStatement } from './transaction-statement.ts';

/** A SELECT as it was written. Positions of the tokens refer to the whole query text. */
export interface SelectStatement {
  readonly kind: 'select';
  readonly tokens: readonly Token[];
}

/** A statement that PostgreSQL knows and this interface does not run. */
export interface RefusedStatement {
  readonly kind: 'refused';
  readonly error: PgError;
}

export type Statement =
  | ({ readonly kind: 'insert' } & InsertStatement)
  | SelectStatement
  | TransactionStatement
  | SettingStatement
  | { readonly kind: 'ignored'; readonly tag: string }
  | RefusedStatement;

/** Tokens of one statement that is not an INSERT; a query this long is not written by hand or by a driver. */
const tokensMax = 100_000;
const statementsMax = 1_000;

const writeHint = 'Logs are only ever added: use INSERT.';
const catalogHint = 'Create, change and delete logstores and their indexes through the HTTP interface.';
const reads = 'Read with SELECT.';

/** Statements of PostgreSQL that are refused, by first word, and what to do instead. */
const refusals: Readonly<Record<string, string | undefined>> = {
  alter: catalogHint,
  analyze: undefined,
  call: undefined,
  checkpoint: undefined,
  close: reads,
  cluster: undefined,
  comment: catalogHint,
  copy: 'Write with INSERT and read with SELECT.',
  create: catalogHint,
  declare: reads,
  delete: writeHint,
  do: undefined,
  drop: catalogHint,
  execute: reads,
  explain: undefined,
  fetch: reads,
  grant: undefined,
  import: undefined,
  listen: undefined,
  load: undefined,
  lock: undefined,
  merge: writeHint,
  move: reads,
  notify: undefined,
  prepare: reads,
  reassign: undefined,
  refresh: undefined,
  reindex: undefined,
  revoke: undefined,
  security: undefined,
  table: reads,
  truncate: 'Delete and create the logstore through the HTTP interface.',
  unlisten: undefined,
  update: writeHint,
  vacuum: undefined,
  values: reads,
};

/**
 * Parses the text of one Query message, which may hold several statements. Like PostgreSQL it refuses the whole
 * text when any of it is malformed, so that nothing has run by then.
 */
export function parseStatements(text: string): Statement[] {
  const lexer = createLexer(text);
  const statements: Statement[] = [];
  for (let token = lexer.peek(); token !== undefined; token = lexer.peek()) {
    if (isEnd(token)) {
      lexer.next();
      continue;
    }
    if (statements.length >= statementsMax) {
      throw new PgError('54000', `a query may hold at most ${statementsMax} statements`);
    }
    statements.push(parseStatement(lexer, token));
  }
  return statements;
}

function parseStatement(lexer: Lexer, first: Token): Statement {
  if (first.kind === 'word' && first.text === 'insert') {
    lexer.next();
    const insert = parseInsert(lexer);
    const after = lexer.peek();
    if (after !== undefined && !isEnd(after)) throw syntaxError(after);
    return { kind: 'insert', ...insert };
  }
  const tokens = restOfStatement(lexer);
  return first.kind === 'word' ? statementOf(first, tokens) : selectInParentheses(first, tokens);
}

function statementOf(first: Token, tokens: readonly Token[]): Statement {
  const transaction = parseTransaction(tokens);
  if (transaction !== undefined) return transaction;
  if (first.text === 'select') return { kind: 'select', tokens };
  if (first.text === 'with') return selectWith(tokens);
  if (first.text === 'set') return parseSet(tokens);
  if (first.text === 'reset') return parseReset(tokens);
  if (first.text === 'show') return parseShow(tokens);
  if (first.text === 'discard') return parseDiscard(tokens);
  if (first.text === 'deallocate') {
    // Prepared statements cannot exist here, so there is nothing left to release.
    return { kind: 'ignored', tag: tokens.at(-1)?.text === 'all' ? 'DEALLOCATE ALL' : 'DEALLOCATE' };
  }
  if (!Object.hasOwn(refusals, first.text)) throw syntaxError(first);
  const second = tokens[1];
  const isObject = ['create', 'alter', 'drop', 'comment'].includes(first.text) && second?.kind === 'word';
  const name = (isObject ? `${first.text} ${second.text}` : first.text).toUpperCase();
  return refused(`${name} is not supported over the PostgreSQL protocol`, first, refusals[first.text]);
}

/** WITH may lead to a SELECT or to a statement that writes; which one, the first word outside parentheses says. */
function selectWith(tokens: readonly Token[]): Statement {
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === 'symbol' && token.text === '(') depth += 1;
    if (token.kind === 'symbol' && token.text === ')') depth -= 1;
    if (depth !== 0 || token.kind !== 'word') continue;
    if (token.text === 'select') break;
    if (['insert', 'update', 'delete', 'merge'].includes(token.text)) {
      return refused(
        `WITH … ${token.text.toUpperCase()} is not supported over the PostgreSQL protocol`,
        token,
      );
    }
  }
  return { kind: 'select', tokens };
}

function selectInParentheses(first: Token, tokens: readonly Token[]): Statement {
  const inner = tokens.find((token) => token.text !== '(');
  const isSelect = inner?.kind === 'word' && (inner.text === 'select' || inner.text === 'with');
  if (first.text !== '(' || !isSelect) throw syntaxError(first.text === '(' ? inner : first);
  return { kind: 'select', tokens };
}

function parseDiscard(tokens: readonly Token[]): Statement {
  const what = tokens[1];
  if (tokens.length === 2 && what?.text === 'all')
    return { kind: 'reset', name: undefined, tag: 'DISCARD ALL' };
  const isKnown = what !== undefined && ['plans', 'sequences', 'temp', 'temporary'].includes(what.text);
  if (tokens.length !== 2 || !isKnown) throw syntaxError(what);
  return { kind: 'ignored', tag: `DISCARD ${what.text === 'temporary' ? 'TEMP' : what.text.toUpperCase()}` };
}

function refused(message: string, token: Token, hint?: string): RefusedStatement {
  const detail = hint === undefined ? {} : { hint };
  return { kind: 'refused', error: new PgError('0A000', message, { ...detail, at: token.start }) };
}

function restOfStatement(lexer: Lexer): Token[] {
  const tokens: Token[] = [];
  for (let token = lexer.peek(); token !== undefined && !isEnd(token); token = lexer.peek()) {
    if (tokens.length >= tokensMax) {
      throw new PgError('54001', `the statement has more than ${tokensMax} words`, { at: token.start });
    }
    tokens.push(token);
    lexer.next();
  }
  return tokens;
}

function isEnd(token: Token): boolean {
  return token.kind === 'symbol' && token.text === ';';
}
