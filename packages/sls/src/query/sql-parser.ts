import { sqlSyntaxError } from './query-error.ts';
import type {
  SqlAlias,
  SqlBody,
  SqlExpression,
  SqlFrom,
  SqlGroupItem,
  SqlQuery,
  SqlSelect,
  SqlSelectItem,
  SqlSortItem,
} from './sql-ast.ts';
import { parseExpression } from './sql-expression-parser.ts';
import { SqlTokenStream } from './sql-token-stream.ts';

/** Longer statements are refused before they are read. */
export const sqlLengthMax = 1024 * 1024;

/** Parses exactly one SELECT or WITH statement. Throws the service's sentence and place. */
export function parseSql(sql: string): SqlQuery {
  if (sql.length > sqlLengthMax)
    throw sqlSyntaxError(sql, 0, `statement longer than ${sqlLengthMax} characters`);
  const tokens = new SqlTokenStream(sql);
  if (!tokens.is('select') && !tokens.is('with') && !tokens.is('(') && !tokens.is('values')) {
    throw tokens.unexpected("'SELECT', 'WITH'");
  }
  const query = parseQuery(tokens);
  while (tokens.accept(';'));
  if (tokens.peek().kind !== 'end') throw tokens.unexpected('<EOF>');
  return query;
}

/** A query at any level; expression parsing comes back here for subqueries. */
export function parseQuery(tokens: SqlTokenStream): SqlQuery {
  return tokens.nested(() => {
    const at = tokens.peek().at;
    const withItems = tokens.accept('with') ? tokens.list(() => parseWithItem(tokens)) : [];
    const body = parseBody(tokens);
    const orderBy = tokens.accept('order', 'by') ? tokens.list(() => parseSortItem(tokens)) : [];
    return { at, with: withItems, body, orderBy, ...parseLimit(tokens) };
  });
}

function parseWithItem(tokens: SqlTokenStream): { alias: SqlAlias; query: SqlQuery } {
  if (tokens.is('recursive')) throw tokens.unexpected('<identifier>');
  const name = tokens.identifier();
  const columns = tokens.is('(') ? tokens.parenthesized(() => tokens.list(() => tokens.identifier())) : [];
  tokens.expect('as');
  return { alias: { name, columns }, query: tokens.parenthesized(() => parseQuery(tokens)) };
}

export function parseSortItem(tokens: SqlTokenStream): SqlSortItem {
  const at = tokens.peek().at;
  const expression = parseExpression(tokens, parseQuery);
  const isDescending = tokens.accept('desc') || (tokens.accept('asc') && false);
  let areNullsFirst: boolean | undefined;
  if (tokens.accept('nulls', 'first')) areNullsFirst = true;
  else if (tokens.accept('nulls', 'last')) areNullsFirst = false;
  return { at, expression, isDescending, areNullsFirst };
}

/** `LIMIT n`, `LIMIT offset, n`, `LIMIT n OFFSET m`, `OFFSET m LIMIT n` and `FETCH FIRST n ROWS ONLY`. */
function parseLimit(tokens: SqlTokenStream): { limit: string | undefined; offset: string | undefined } {
  let limit: string | undefined;
  let offset: string | undefined;
  for (;;) {
    if (offset === undefined && tokens.accept('offset')) {
      offset = parseCount(tokens);
      if (!tokens.accept('rows')) tokens.accept('row');
    } else if (limit === undefined && tokens.accept('limit')) {
      if (tokens.accept('all')) return { limit, offset };
      limit = parseCount(tokens);
      if (offset === undefined && tokens.accept(',')) {
        offset = limit;
        limit = parseCount(tokens);
      }
    } else if (limit === undefined && (tokens.accept('fetch', 'first') || tokens.accept('fetch', 'next'))) {
      limit = tokens.peek().kind === 'number' ? parseCount(tokens) : '1';
      if (!tokens.accept('rows')) tokens.expect('row');
      tokens.expect('only');
    } else {
      return { limit, offset };
    }
  }
}

function parseCount(tokens: SqlTokenStream): string {
  const token = tokens.peek();
  if (token.kind !== 'number' || !/^\d{1,15}$/.test(token.text)) throw tokens.unexpected("'ALL', <integer>");
  return tokens.take().text;
}

function parseBody(tokens: SqlTokenStream): SqlBody {
  let left = parseIntersection(tokens);
  for (;;) {
    const at = tokens.peek().at;
    const operator = tokens.accept('union') ? 'union' : tokens.accept('except') ? 'except' : undefined;
    if (operator === undefined) return left;
    const isAll = tokens.accept('all') || (tokens.accept('distinct') && false);
    left = { kind: 'set', at, operator, isAll, left, right: parseIntersection(tokens) };
  }
}

function parseIntersection(tokens: SqlTokenStream): SqlBody {
  let left = parseTerm(tokens);
  for (;;) {
    const at = tokens.peek().at;
    if (!tokens.accept('intersect')) return left;
    const isAll = tokens.accept('all') || (tokens.accept('distinct') && false);
    left = { kind: 'set', at, operator: 'intersect', isAll, left, right: parseTerm(tokens) };
  }
}

function parseTerm(tokens: SqlTokenStream): SqlBody {
  const at = tokens.peek().at;
  if (tokens.is('(')) return { kind: 'nested', at, query: tokens.parenthesized(() => parseQuery(tokens)) };
  if (tokens.accept('values')) {
    const rows = tokens.list(() =>
      tokens.is('(')
        ? tokens.parenthesized(() => parseExpressions(tokens))
        : [parseExpression(tokens, parseQuery)],
    );
    return { kind: 'values', at, rows };
  }
  return parseSelect(tokens);
}

function parseSelect(tokens: SqlTokenStream): SqlSelect {
  const at = tokens.expect('select').at;
  const isDistinct = tokens.accept('distinct') || (tokens.accept('all') && false);
  const items = tokens.list(() => parseSelectItem(tokens));
  const from = tokens.accept('from') ? parseFromList(tokens) : undefined;
  const where = tokens.accept('where') ? parseExpression(tokens, parseQuery) : undefined;
  const groupBy = tokens.accept('group', 'by') ? tokens.list(() => parseGroupItem(tokens)) : [];
  const having = tokens.accept('having') ? parseExpression(tokens, parseQuery) : undefined;
  return { kind: 'select', at, isDistinct, items, from, where, groupBy, having };
}

function parseSelectItem(tokens: SqlTokenStream): SqlSelectItem {
  const at = tokens.peek().at;
  if (tokens.accept('*')) return { kind: 'star', at, qualifier: undefined };
  if (tokens.isIdentifier() && tokens.peek(1).word === '.' && tokens.peek(2).word === '*') {
    const qualifier = tokens.identifier();
    tokens.accept('.', '*');
    return { kind: 'star', at, qualifier };
  }
  const expression = parseExpression(tokens, parseQuery);
  const hasAs = tokens.accept('as');
  const alias = hasAs || tokens.isIdentifier() ? tokens.identifier() : undefined;
  return { kind: 'value', at, expression, alias };
}

function parseExpressions(tokens: SqlTokenStream): SqlExpression[] {
  return tokens.list(() => parseExpression(tokens, parseQuery));
}

function parseGroupItem(tokens: SqlTokenStream): SqlGroupItem {
  const at = tokens.peek().at;
  const oneSet = (): SqlExpression[] => {
    if (!tokens.is('(')) return [parseExpression(tokens, parseQuery)];
    return tokens.parenthesized(() => (tokens.is(')') ? [] : parseExpressions(tokens)));
  };
  if (tokens.is('rollup', '(') || tokens.is('cube', '(')) {
    const kind = tokens.take().word === 'cube' ? 'cube' : 'rollup';
    return { kind, at, sets: tokens.parenthesized(() => tokens.list(oneSet)) };
  }
  if (tokens.accept('grouping', 'sets')) {
    return { kind: 'sets', at, sets: tokens.parenthesized(() => tokens.list(oneSet)) };
  }
  return { kind: 'value', at, expression: parseExpression(tokens, parseQuery) };
}

function parseFromList(tokens: SqlTokenStream): SqlFrom {
  let left = parseJoins(tokens);
  while (tokens.is(',')) {
    const at = tokens.take().at;
    left = { kind: 'join', at, join: 'cross', left, right: parseJoins(tokens), on: undefined, using: [] };
  }
  return left;
}

function parseJoins(tokens: SqlTokenStream): SqlFrom {
  let left = parseRelation(tokens);
  for (;;) {
    const at = tokens.peek().at;
    const join = parseJoinKind(tokens);
    if (join === undefined) return left;
    const right = parseRelation(tokens);
    let on: SqlExpression | undefined;
    let using: SqlAlias['columns'] = [];
    if (join !== 'cross') {
      if (tokens.accept('using')) using = tokens.parenthesized(() => tokens.list(() => tokens.identifier()));
      else {
        tokens.expect('on');
        on = parseExpression(tokens, parseQuery);
      }
    }
    left = { kind: 'join', at, join, left, right, on, using };
  }
}

function parseJoinKind(tokens: SqlTokenStream): 'inner' | 'left' | 'right' | 'full' | 'cross' | undefined {
  if (tokens.accept('cross', 'join')) return 'cross';
  if (tokens.accept('join') || tokens.accept('inner', 'join')) return 'inner';
  for (const kind of ['left', 'right', 'full'] as const) {
    if (tokens.accept(kind, 'join') || tokens.accept(kind, 'outer', 'join')) return kind;
  }
  return undefined;
}

function parseRelation(tokens: SqlTokenStream): SqlFrom {
  const at = tokens.peek().at;
  if (tokens.is('(')) {
    const query = tokens.attempt(() =>
      startsQuery(tokens) ? tokens.parenthesized(() => parseQuery(tokens)) : undefined,
    );
    if (query !== undefined) return { kind: 'query', at, query, alias: parseAlias(tokens) };
    return tokens.parenthesized(() => parseFromList(tokens));
  }
  if (tokens.accept('unnest')) {
    const items = tokens.parenthesized(() => parseExpressions(tokens));
    const hasOrdinality = tokens.accept('with', 'ordinality');
    return { kind: 'unnest', at, items, hasOrdinality, alias: parseAlias(tokens) };
  }
  const parts = [tokens.identifier()];
  while (tokens.accept('.')) parts.push(tokens.identifier());
  return { kind: 'table', at, parts, alias: parseAlias(tokens) };
}

/** Looks past opening parentheses for SELECT, WITH or VALUES. */
function startsQuery(tokens: SqlTokenStream): boolean {
  let ahead = 0;
  while (tokens.peek(ahead).word === '(') ahead += 1;
  return ['select', 'with', 'values'].includes(tokens.peek(ahead).word);
}

function parseAlias(tokens: SqlTokenStream): SqlAlias | undefined {
  const hasAs = tokens.accept('as');
  if (!hasAs && !tokens.isIdentifier()) return undefined;
  const name = tokens.identifier();
  const columns = tokens.is('(') ? tokens.parenthesized(() => tokens.list(() => tokens.identifier())) : [];
  return { name, columns };
}
