import { searchError, searchSyntaxError } from './query-error.ts';
import type { CompareOperator } from './search-ast.ts';

/** Text of the user's: a bare word, `"quoted"`, or `#"phrase"`. */
export interface SearchText<Kind extends 'word' | 'quoted' | 'phrase'> {
  readonly kind: Kind;
  readonly text: string;
  readonly at: number;
  readonly end: number;
}

export type SearchToken =
  | SearchText<'word'>
  | SearchText<'quoted'>
  | SearchText<'phrase'>
  | {
      readonly kind: '(' | ')' | ':' | '[' | ']' | ',' | 'end';
      readonly at: number;
      readonly end: number;
    }
  | {
      readonly kind: 'compare';
      readonly operator: CompareOperator;
      readonly at: number;
      readonly end: number;
    };

/**
 * Where a token stands decides what ends a word: a field name ends at a comparison sign (`status>200`), a
 * value does not (`uri:/a?b=c`), and a bound of a range ends at its bracket.
 */
export type WordPlace = 'name' | 'value' | 'bound';

const blank = /\s/;
const wordEnd: Readonly<Record<WordPlace, RegExp>> = {
  name: /[\s()":|><=]/,
  value: /[\s()":|]/,
  bound: /[\s()":|[\],]/,
};

/** Reads one token from `at`. Throws the vendor's error for an unclosed quote or a stray `|`. */
export function readSearchToken(text: string, from: number, place: WordPlace): SearchToken {
  let at = from;
  while (at < text.length && blank.test(text.charAt(at))) at += 1;
  const char = text.charAt(at);
  if (char === '') return { kind: 'end', at, end: at };
  if (char === '"') return readQuoted(text, at, at, 'quoted');
  if (char === '#' && text.charAt(at + 1) === '"') return readQuoted(text, at, at + 1, 'phrase');
  if (char === '(' || char === ')' || char === ':') return { kind: char, at, end: at + 1 };
  if (place === 'bound' && (char === '[' || char === ']' || char === ','))
    return { kind: char, at, end: at + 1 };
  if (place === 'name' && (char === '>' || char === '<' || char === '=')) return readCompare(text, at, char);
  if (char === '|') throw searchSyntaxError(text, { at, end: at + 1 });
  return readWord(text, at, place);
}

function readCompare(text: string, at: number, char: '>' | '<' | '='): SearchToken {
  const isInclusive = char !== '=' && text.charAt(at + 1) === '=';
  const operator: CompareOperator = char === '=' ? '=' : isInclusive ? `${char}=` : char;
  return { kind: 'compare', operator, at, end: at + operator.length };
}

function readWord(text: string, at: number, place: WordPlace): SearchToken {
  let word = '';
  let end = at;
  for (; end < text.length; end += 1) {
    const char = text.charAt(end);
    if (char === '\\' && /["\\]/.test(text.charAt(end + 1))) {
      end += 1;
      word += text.charAt(end);
      continue;
    }
    if (wordEnd[place].test(char)) break;
    word += char;
  }
  return { kind: 'word', text: word, at, end };
}

function readQuoted(text: string, at: number, quoteAt: number, kind: 'quoted' | 'phrase'): SearchToken {
  let value = '';
  for (let end = quoteAt + 1; end < text.length; end += 1) {
    const char = text.charAt(end);
    if (char === '"') return { kind, text: value, at, end: end + 1 };
    if (char === '\\' && /["\\]/.test(text.charAt(end + 1))) {
      end += 1;
      value += text.charAt(end);
    } else {
      value += char;
    }
  }
  throw searchError(text, at, 'unclosed string quote');
}
