import { slsErrors } from '@sampan/sls-wire';
import { searchError, searchSyntaxError } from './query-error.ts';
import type { SearchKey, SearchNode, SearchValue } from './search-ast.ts';
import { readSearchToken, type SearchText, type SearchToken, type WordPlace } from './search-lexer.ts';

/** The service's own limit, with its own sentence. */
const conditionsMax = 30;
const nestingMax = 100;
const searchLengthMax = 64 * 1024;
const wildcardLengthMax = 64;
const numberPattern = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** Parses the search part of a query. Throws `SlsError` with the vendor's sentence and the place. */
export function parseSearch(text: string): SearchNode {
  if (text.length > searchLengthMax) {
    throw slsErrors.parameterInvalid(`query length ${text.length} is more than ${searchLengthMax}`);
  }
  return new SearchParser(text).parse();
}

class SearchParser {
  readonly #text: string;
  #at = 0;
  #conditions = 0;
  #nesting = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): SearchNode {
    if (this.#peek().kind === 'end') return { kind: 'all' };
    const node = this.#or();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw this.#unexpected(rest);
    if (this.#conditions > conditionsMax) {
      throw slsErrors.parameterInvalid(`condition number ${this.#conditions} is more than ${conditionsMax}`);
    }
    return node;
  }

  #or(): SearchNode {
    const items = [this.#and()];
    while (isWord(this.#peek(), 'or')) {
      this.#take();
      items.push(this.#and());
    }
    return join('or', items);
  }

  #and(): SearchNode {
    const items = [this.#item()];
    for (;;) {
      const next = this.#peek();
      if (next.kind === 'end' || next.kind === ')' || isWord(next, 'or')) return join('and', items);
      if (isWord(next, 'and')) this.#take();
      items.push(this.#item());
    }
  }

  #item(): SearchNode {
    const token = this.#take();
    if (isWord(token, 'not')) return this.#nested(() => ({ kind: 'not', item: this.#item() }), token);
    if (token.kind === '(') return this.#nested(() => this.#group(), token);
    if (isWord(token, 'and') || isWord(token, 'or')) throw this.#unexpected(token);
    if (token.kind === 'phrase') return this.#term(undefined, token);
    if (token.kind !== 'word' && token.kind !== 'quoted') throw this.#unexpected(token);
    return this.#condition(token);
  }

  #group(): SearchNode {
    const inner = this.#or();
    const close = this.#take();
    if (close.kind !== ')') throw this.#unexpected(close);
    return inner;
  }

  /** A name followed by `:`, a comparison or `in` is a field; anything else is a full-text condition. */
  #condition(token: SearchText<'word'> | SearchText<'quoted'>): SearchNode {
    const next = this.#peek();
    if (next.kind === ':') return this.#field(token);
    const key: SearchKey = { name: token.text, at: token.at };
    if (next.kind === 'compare') {
      this.#take();
      this.#conditions += 1;
      return { kind: 'compare', key, operator: next.operator, number: this.#number('value') };
    }
    if (next.kind === 'word' && next.text === 'in' && /^\s*[[(]/.test(this.#text.slice(next.end))) {
      this.#take();
      return this.#range(key, '');
    }
    return this.#term(undefined, token);
  }

  #field(token: SearchText<'word'> | SearchText<'quoted'>): SearchNode {
    this.#take();
    let name = token.text;
    let value = this.#take('value');
    if (token.kind === 'word' && name.toLowerCase() === '__tag__') {
      if (value.kind !== 'word' && value.kind !== 'quoted') throw this.#unexpected(value);
      name = `${name}:${value.text}`;
      const colon = this.#take();
      if (colon.kind !== ':') throw this.#unexpected(colon);
      value = this.#take('value');
    }
    const key: SearchKey = { name, at: token.at };
    if (value.kind === 'word' && value.text.startsWith('[')) {
      this.#at = value.at;
      return this.#range(key, '*');
    }
    return this.#term(key, value);
  }

  #term(key: SearchKey | undefined, token: SearchToken): SearchNode {
    if (token.kind !== 'word' && token.kind !== 'quoted' && token.kind !== 'phrase')
      throw this.#unexpected(token);
    this.#conditions += 1;
    if (this.#peek().kind === ':' && key !== undefined) throw this.#unexpected(this.#peek());
    if (token.kind === 'word' && token.text === '*') {
      return key === undefined
        ? { kind: 'all' }
        : { kind: 'term', key, value: { kind: 'any' }, at: token.at };
    }
    if (token.kind === 'word') this.#checkWildcards(token.text, token.at);
    const value: SearchValue = { kind: token.kind, text: token.text };
    return { kind: 'term', key, value, at: token.at };
  }

  #checkWildcards(word: string, at: number): void {
    if (!/[*?]/.test(word)) return;
    if (/^[*?]/.test(word)) {
      throw searchError(this.#text, at, 'only support * or ? in the middle or end of the query');
    }
    if (word.length > wildcardLengthMax) {
      throw searchError(
        this.#text,
        at,
        `a word with * or ? must not be longer than ${wildcardLengthMax} characters`,
      );
    }
  }

  /** `[1 5]`, `(1 5]`, also with a comma; `open` stands for a missing bound in the `key: [a, *]` form. */
  #range(key: SearchKey, open: string): SearchNode {
    this.#conditions += 1;
    const first = this.#take('bound');
    if (first.kind !== '[' && first.kind !== '(') throw this.#unexpected(first);
    const low = this.#number('bound', open);
    if (this.#peek('bound').kind === ',') this.#take('bound');
    const high = this.#number('bound', open);
    const last = this.#take('bound');
    if (last.kind !== ']' && last.kind !== ')') throw this.#unexpected(last);
    return {
      kind: 'range',
      key,
      low,
      high,
      isLowIncluded: first.kind === '[',
      isHighIncluded: last.kind === ']',
    };
  }

  #number(place: WordPlace, open = ''): string {
    const token = this.#take(place);
    if (token.kind === 'word' && (numberPattern.test(token.text) || (open !== '' && token.text === open))) {
      return token.text;
    }
    throw this.#unexpected(token);
  }

  #nested(read: () => SearchNode, token: SearchToken): SearchNode {
    this.#nesting += 1;
    if (this.#nesting > nestingMax) throw this.#unexpected(token);
    const node = read();
    this.#nesting -= 1;
    return node;
  }

  #peek(place: WordPlace = 'name'): SearchToken {
    return readSearchToken(this.#text, this.#at, place);
  }

  #take(place: WordPlace = 'name'): SearchToken {
    const token = this.#peek(place);
    this.#at = token.end;
    return token;
  }

  #unexpected(token: SearchToken): Error {
    return searchSyntaxError(this.#text, token);
  }
}

function isWord(token: SearchToken, word: string): boolean {
  return token.kind === 'word' && token.text.toLowerCase() === word;
}

function join(kind: 'and' | 'or', items: SearchNode[]): SearchNode {
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind, items };
}
