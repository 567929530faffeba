import { syntaxError } from './pg-error.ts';
import type { Token } from './statement-lexer.ts';

/** Walks over the tokens of one statement. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #at: number;

  constructor(tokens: readonly Token[], from = 0) {
    this.#tokens = tokens;
    this.#at = from;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  /** The next token; a syntax error at the end. */
  next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw syntaxError(undefined);
    this.#at += 1;
    return token;
  }

  isSymbol(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.kind === 'symbol' && token.text === text;
  }

  isWord(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.kind === 'word' && token.text === text;
  }

  /** A word or a quoted name. */
  isName(ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.kind === 'word' || token?.kind === 'name';
  }

  takeSymbol(text: string): boolean {
    const isNext = this.isSymbol(text);
    if (isNext) this.#at += 1;
    return isNext;
  }

  /** Takes all of the words or none. */
  takeWords(...words: readonly string[]): boolean {
    const areNext = words.every((word, ahead) => this.isWord(word, ahead));
    if (areNext) this.#at += words.length;
    return areNext;
  }

  expectSymbol(text: string): void {
    if (!this.takeSymbol(text)) throw syntaxError(this.peek());
  }

  expectWord(text: string): void {
    if (!this.takeWords(text)) throw syntaxError(this.peek());
  }

  name(): Token {
    if (!this.isName()) throw syntaxError(this.peek());
    return this.next();
  }
}
