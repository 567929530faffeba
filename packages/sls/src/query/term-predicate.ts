import { sqlString } from './sql-text.ts';
import type { QueryTerm, TermSettings } from './term-settings.ts';

const cjkClass = '\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}';

/**
 * An exact test, in the index engine's SQL, whether the text `value` holds `term`. A plain substring test
 * comes first because it is ten times cheaper than the regular expression that checks the term's borders.
 */
export function termPredicate(value: string, term: QueryTerm, settings: TermSettings): string {
  const folded = settings.isCaseSensitive ? value : `lower(${value})`;
  if (term.isCjkRun && !term.hasWildcard) return `contains(${folded}, ${sqlString(term.text)})`;
  if (settings.delimiters === '' && !settings.isCjk && !term.hasWildcard) {
    return `${folded} = ${sqlString(term.text)}`;
  }
  const exact = `regexp_matches(${folded}, ${sqlString(borderedPattern([term], settings))})`;
  const literal = longestLiteral(term);
  return literal === '' ? exact : `(contains(${folded}, ${sqlString(literal)}) AND ${exact})`;
}

/** Like `termPredicate` for terms that must follow one another. */
export function phrasePredicate(value: string, terms: readonly QueryTerm[], settings: TermSettings): string {
  const folded = settings.isCaseSensitive ? value : `lower(${value})`;
  const prefilters = terms.map((term) => `contains(${folded}, ${sqlString(term.text)})`);
  const exact = `regexp_matches(${folded}, ${sqlString(borderedPattern(terms, settings))})`;
  return `(${[...prefilters, exact].join(' AND ')})`;
}

function borderedPattern(terms: readonly QueryTerm[], settings: TermSettings): string {
  const border = `${characterClass(settings.delimiters)}${settings.isCjk ? cjkClass : ''}`;
  const delimiters = characterClass(settings.delimiters);
  const inTerm = border === '' ? '.' : `[^${border}]`;
  const before = border === '' ? '^' : `(?:^|[${border}])`;
  const after = border === '' ? '$' : `(?:$|[${border}])`;
  // Between two neighbours stand delimiters only; next to a CJK run there may be none at all.
  const between = (left: QueryTerm, right: QueryTerm): string => {
    if (delimiters === '') return '';
    return left.isCjkRun || right.isCjkRun ? `[${delimiters}]*` : `[${delimiters}]+`;
  };
  let pattern = terms[0]?.isCjkRun === true ? '' : before;
  terms.forEach((term, index) => {
    const previous = terms[index - 1];
    if (previous !== undefined) pattern += between(previous, term);
    pattern += termPattern(term, term.isCjkRun ? `[${cjkClass}]` : inTerm);
  });
  return `(?s)${pattern}${terms.at(-1)?.isCjkRun === true ? '' : after}`;
}

function termPattern(term: QueryTerm, inTerm: string): string {
  let pattern = '';
  for (const char of term.text) {
    if (term.hasWildcard && char === '*') pattern += `${inTerm}*`;
    else if (term.hasWildcard && char === '?') pattern += inTerm;
    else pattern += escapeCharacter(char);
  }
  return pattern;
}

function characterClass(characters: string): string {
  return [...characters].map(escapeCharacter).join('');
}

function escapeCharacter(char: string): string {
  return /[\p{L}\p{N}_]/u.test(char) ? char : `\\x{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

function longestLiteral(term: QueryTerm): string {
  if (!term.hasWildcard) return term.text;
  return term.text
    .split(/[*?]/)
    .reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}
