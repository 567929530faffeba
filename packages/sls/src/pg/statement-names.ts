import { syntaxError } from './pg-error.ts';
import type { Lexer, Token } from './statement-lexer.ts';

/** A relation as a statement writes it: `workflow_execution`, `public."Logs"`. */
export interface RelationName {
  readonly schema: string | undefined;
  readonly name: string;
  /** Where the whole name stands in the text. */
  readonly start: number;
  readonly end: number;
}

/** The one schema in which a project shows its logstores. */
export const logstoreSchema = 'public';

/** The name as PostgreSQL writes it in messages. */
export function relationText(relation: RelationName): string {
  return relation.schema === undefined ? relation.name : `${relation.schema}.${relation.name}`;
}

/** Reads `name` or `schema.name`; a third part (`database.schema.name`) is read and its first part dropped. */
export function relationName(lexer: Lexer): RelationName {
  const parts: Token[] = [];
  do {
    const token = lexer.next();
    if (token?.kind !== 'word' && token?.kind !== 'name') throw syntaxError(token);
    parts.push(token);
  } while (parts.length < 3 && takeSymbol(lexer, '.'));
  return relationOf(parts);
}

/** Builds the name from its one to three parts. */
export function relationOf(parts: readonly Token[]): RelationName {
  const last = parts.at(-1);
  const first = parts.at(0);
  if (last === undefined || first === undefined) throw syntaxError(undefined);
  return { schema: parts.at(-2)?.text, name: last.text, start: first.start, end: last.end };
}

export function takeSymbol(lexer: Lexer, symbol: string): boolean {
  const token = lexer.peek();
  if (token?.kind !== 'symbol' || token.text !== symbol) return false;
  lexer.next();
  return true;
}

export function expectSymbol(lexer: Lexer, symbol: string): void {
  if (!takeSymbol(lexer, symbol)) throw syntaxError(lexer.peek());
}

export function takeWord(lexer: Lexer, word: string): boolean {
  const token = lexer.peek();
  if (token?.kind !== 'word' || token.text !== word) return false;
  lexer.next();
  return true;
}

export function expectWord(lexer: Lexer, word: string): void {
  if (!takeWord(lexer, word)) throw syntaxError(lexer.peek());
}
