import type { IndexConfig, IndexKey } from '../catalog/index-config.ts';

/** How values of a field are cut into terms. */
export interface TermSettings {
  /** Characters that separate terms; empty = the whole value is one term. */
  readonly delimiters: string;
  readonly isCaseSensitive: boolean;
  /** Chinese, Japanese and Korean runs are searched by any part of them. */
  readonly isCjk: boolean;
}

/** One term of a query; `hasWildcard` when `*` or `?` in it are not plain text. */
export interface QueryTerm {
  readonly text: string;
  readonly hasWildcard: boolean;
  /** A run of CJK characters in a field with segmentation: matches anywhere. */
  readonly isCjkRun: boolean;
}

/** Cuts the query of a full-text search where no full-text index says how. */
export const builtInDelimiters = '!"#$%&\'()*+,-./:;<=>?@[]{} \n\t\r';

/** `__topic__`, `__source__` and tags are searched by their whole value. */
export const wholeValue: TermSettings = { delimiters: '', isCaseSensitive: false, isCjk: false };

const cjkRun = /([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+)/u;
/** In a query a wildcard belongs to the run it follows. */
const cjkQueryRun =
  /([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}][\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}*?]*)/u;

/** Settings of a text or JSON field index. */
export function settingsOfKey(key: Pick<IndexKey, 'token' | 'caseSensitive' | 'chn'>): TermSettings {
  return {
    delimiters: (key.token ?? []).join(''),
    isCaseSensitive: key.caseSensitive === true,
    isCjk: key.chn === true,
  };
}

/** Settings of the full-text index, if there is one. */
export function settingsOfLine(index: IndexConfig): TermSettings | undefined {
  return index.line === undefined ? undefined : settingsOfKey(index.line);
}

/**
 * Lower case, one code point for one code point, so that it agrees with the index engine's `lower` also where
 * full case mapping would change the length (İ, final sigma).
 */
export function foldCase(text: string): string {
  let folded = '';
  for (const char of text) {
    const [first = char] = char.toLowerCase();
    folded += first;
  }
  return folded;
}

/** Cuts a query's text as the addressed field's values are cut. Terms may repeat; none is empty. */
export function termsOfQuery(text: string, settings: TermSettings, mayHaveWildcards: boolean): QueryTerm[] {
  const pieces = splitAtDelimiters(text, settings.delimiters, mayHaveWildcards);
  const run = mayHaveWildcards ? cjkQueryRun : cjkRun;
  const parts = settings.isCjk ? pieces.flatMap((piece) => piece.split(run)) : pieces;
  return parts
    .filter((part) => part !== '')
    .map((part) => ({
      text: settings.isCaseSensitive ? part : foldCase(part),
      hasWildcard: mayHaveWildcards && /[*?]/.test(part),
      isCjkRun: settings.isCjk && cjkRun.test(part),
    }));
}

/** A wildcard is not cut even where its character is a delimiter: `ab?c` asks for one term. */
function splitAtDelimiters(text: string, delimiters: string, mayHaveWildcards: boolean): string[] {
  if (delimiters === '') return text === '' ? [] : [text];
  const pieces: string[] = [];
  let piece = '';
  for (const char of text) {
    const isWildcard = mayHaveWildcards && (char === '*' || char === '?');
    if (!isWildcard && delimiters.includes(char)) {
      pieces.push(piece);
      piece = '';
    } else {
      piece += char;
    }
  }
  pieces.push(piece);
  return pieces;
}

/** Whether a text, cut by `settings`, holds the term; what `termPredicate` is for rows, for one known text. */
export function textHasTerm(text: string, term: QueryTerm, settings: TermSettings): boolean {
  const folded = settings.isCaseSensitive ? text : foldCase(text);
  if (term.isCjkRun && !term.hasWildcard) return folded.includes(term.text);
  const pieces = splitAtDelimiters(folded, settings.delimiters, false);
  const parts = settings.isCjk ? pieces.flatMap((piece) => piece.split(cjkRun)) : pieces;
  if (!term.hasWildcard) return parts.includes(term.text);
  const pattern = term.text.replaceAll(
    /[^*?]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
  const anchored = pattern.replaceAll('*', '.*').replaceAll('?', '.');
  const wildcard = new RegExp(term.isCjkRun ? anchored : `^${anchored}$`, 'su');
  return parts.some((part) => wildcard.test(part));
}
