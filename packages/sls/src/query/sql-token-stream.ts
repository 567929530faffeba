import { sqlSyntaxError } from './query-error.ts';
import type { SqlIdentifier } from './sql-ast.ts';
import { type SqlToken, tokenizeSql } from './sql-lexer.ts';

/** Words that cannot be a column or an alias without quotes, as in the service's SQL engine. */
const reservedWords = new Set(
  (
    'alter and as between by case cast constraint create cross cube current_date current_time ' +
    'current_timestamp deallocate delete describe distinct drop else end escape except execute exists extract ' +
    'false for from full group grouping having in inner insert intersect into is join left like localtime ' +
    'localtimestamp natural normalize not null on or order outer prepare recursive right rollup select table ' +
    'then true uescape union unnest using values when where with limit offset fetch'
  ).split(' '),
);

/** How deep expressions and queries may nest; deeper ones would exhaust the stack. */
const nestingMax = 200;

/** Walks over a statement's tokens. */
export class SqlTokenStream {
  readonly sql: string;
  readonly #tokens: readonly SqlToken[];
  #index = 0;
  #nesting = 0;

  constructor(sql: string) {
    this.sql = sql;
    this.#tokens = tokenizeSql(sql);
  }

  peek(ahead = 0): SqlToken {
    const token = this.#tokens[this.#index + ahead] ?? this.#tokens.at(-1);
    if (token === undefined) throw sqlSyntaxError(this.sql, 0, 'empty statement');
    return token;
  }

  take(): SqlToken {
    const token = this.peek();
    this.#index += 1;
    return token;
  }

  /** Whether the next tokens are these keywords or signs. */
  is(...words: readonly string[]): boolean {
    return words.every((word, ahead) => this.peek(ahead).word === word);
  }

  /** Takes the keywords or signs if they come next. */
  accept(...words: readonly string[]): boolean {
    if (!this.is(...words)) return false;
    this.#index += words.length;
    return true;
  }

  expect(word: string): SqlToken {
    if (!this.is(word)) throw this.unexpected(`'${word.toUpperCase()}'`);
    return this.take();
  }

  identifier(): SqlIdentifier {
    if (!this.isIdentifier()) throw this.unexpected('<identifier>');
    const token = this.take();
    return { name: token.text, isQuoted: token.kind === 'quoted', at: token.at };
  }

  isIdentifier(ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'quoted' || (token.kind === 'name' && !reservedWords.has(token.word));
  }

  /** A comma-separated list of at least one. */
  list<T>(read: () => T): T[] {
    const items = [read()];
    while (this.accept(',')) items.push(read());
    return items;
  }

  parenthesized<T>(read: () => T): T {
    this.expect('(');
    const value = this.nested(read);
    this.expect(')');
    return value;
  }

  nested<T>(read: () => T): T {
    this.#nesting += 1;
    if (this.#nesting > nestingMax)
      throw sqlSyntaxError(this.sql, this.peek().at, `nested deeper than ${nestingMax} levels`);
    const value = read();
    this.#nesting -= 1;
    return value;
  }

  /** Tries a reading; on failure goes back and returns undefined. */
  attempt<T>(read: () => T | undefined): T | undefined {
    const index = this.#index;
    const nesting = this.#nesting;
    const value = read();
    if (value === undefined) {
      this.#index = index;
      this.#nesting = nesting;
    }
    return value;
  }

  unexpected(expecting: string): Error {
    const token = this.peek();
    const source = token.kind === 'end' ? '<EOF>' : this.sql.slice(token.at, token.end).slice(0, 64);
    return sqlSyntaxError(this.sql, token.at, `mismatched input '${source}'. Expecting: ${expecting}`);
  }
}
