import { syntaxError } from './pg-error.ts';
import type { Token } from './statement-lexer.ts';
import { type RelationName, relationOf } from './statement-names.ts';

/** One level of parentheses while a SELECT is read. */
interface Level {
  /** A SELECT was seen at this level, so that FROM begins its relations (not those of EXTRACT or TRIM). */
  isSelect: boolean;
  inFrom: boolean;
  /** The next name is a relation. */
  isExpecting: boolean;
}

const endsFrom = new Set([
  'where',
  'group',
  'having',
  'window',
  'order',
  'limit',
  'offset',
  'fetch',
  'union',
  'except',
  'intersect',
  'select',
]);

/** Words that PostgreSQL reserves and that may be written, wrongly, where a relation is due. */
const reserved = new Set([
  ...endsFrom,
  'from',
  'join',
  'on',
  'using',
  'left',
  'right',
  'inner',
  'cross',
  'as',
]);

/**
 * The relations a SELECT reads, at any depth, in the order they are written; names that WITH defines are not among
 * them. It only looks at the words around FROM and JOIN, so a statement that is malformed elsewhere passes.
 */
export function selectRelations(tokens: readonly Token[]): RelationName[] {
  const defined = definedNames(tokens);
  const found: RelationName[] = [];
  const levels: Level[] = [{ isSelect: false, inFrom: false, isExpecting: false }];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const level = levels.at(-1);
    if (token === undefined || level === undefined) break;
    if (token.kind === 'symbol') {
      if (token.text === '(') levels.push(opened(level, tokens[at + 1]));
      else if (token.text === ')' && levels.length > 1) levels.pop();
      else if (token.text === ',' && level.inFrom) level.isExpecting = true;
      continue;
    }
    if (
      level.isExpecting &&
      isName(token) &&
      !(token.kind === 'word' && /^(lateral|only)$/.test(token.text))
    ) {
      if (token.kind === 'word' && reserved.has(token.text)) throw syntaxError(token);
      level.isExpecting = false;
      const name = nameFrom(tokens, at);
      at = name.last;
      const isCall = isSymbol(tokens[name.last + 1], '(');
      const isDefined = name.relation.schema === undefined && defined.has(name.relation.name);
      if (!isCall && !isDefined) found.push(name.relation);
      continue;
    }
    if (token.kind === 'word') step(level, token.text, tokens[at - 1]);
  }
  if (levels.at(-1)?.isExpecting === true) throw syntaxError(undefined);
  return found;
}

function step(level: Level, word: string, before: Token | undefined): void {
  // `IS [NOT] DISTINCT FROM` compares; it names no relation.
  if (word === 'from' && level.isSelect && !(before?.kind === 'word' && before.text === 'distinct')) {
    level.inFrom = true;
    level.isExpecting = true;
  } else if (word === 'join' && level.inFrom) {
    level.isExpecting = true;
  } else if (endsFrom.has(word)) {
    level.inFrom = false;
    level.isExpecting = false;
    if (word === 'select') level.isSelect = true;
  }
}

/** The level that `(` opens: where a relation is due, a join in parentheses or a nested SELECT. */
function opened(outer: Level, next: Token | undefined): Level {
  const wasExpecting = outer.isExpecting;
  outer.isExpecting = false;
  const isQuery = next?.kind === 'word' && /^(select|with|values|table)$/.test(next.text);
  const isJoin = wasExpecting && !isQuery;
  return { isSelect: isJoin, inFrom: isJoin, isExpecting: isJoin };
}

/** How far the column list of a WITH name is followed; a bound, or hostile text would cost quadratic time. */
const definitionTokensMax = 500;

/** Names that a WITH clause gives to its queries: `name AS (` or `name (a, b) AS (`. */
function definedNames(tokens: readonly Token[]): Set<string> {
  const names = new Set<string>();
  if (!tokens.some((token) => token.kind === 'word' && token.text === 'with')) return names;
  for (let at = 1; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined || !isName(token) || !mayPrecedeDefinition(tokens[at - 1])) continue;
    let next = at + 1;
    if (isSymbol(tokens[next], '(')) {
      const limit = next + definitionTokensMax;
      while (next < limit && tokens[next] !== undefined && !isSymbol(tokens[next], ')')) next += 1;
      next += 1;
    }
    const isAs = tokens[next]?.kind === 'word' && tokens[next]?.text === 'as';
    if (isAs && isSymbol(tokens[next + 1], '(')) names.add(token.text);
  }
  return names;
}

function mayPrecedeDefinition(token: Token | undefined): boolean {
  return isSymbol(token, ',') || (token?.kind === 'word' && /^(with|recursive)$/.test(token.text));
}

function nameFrom(tokens: readonly Token[], from: number): { relation: RelationName; last: number } {
  const parts: Token[] = [];
  let at = from;
  for (;;) {
    const part = tokens[at];
    if (part === undefined || !isName(part)) break;
    parts.push(part);
    if (parts.length === 3 || !isSymbol(tokens[at + 1], '.')) break;
    at += 2;
  }
  return { relation: relationOf(parts), last: Math.min(at, tokens.length - 1) };
}

function isName(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'name';
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === 'symbol' && token.text === text;
}
