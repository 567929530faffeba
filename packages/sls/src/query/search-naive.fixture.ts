import type { IndexConfig, IndexKey } from '../catalog/index-config.ts';
import type { SearchNode, SearchValue } from './search-ast.ts';

/**
 * A search by brute force, written from the description of the language in docs/sls-query.md and nothing else:
 * one log, cut into terms, compared term by term. Tests hold the index engine's answers against it.
 */
export function naiveMatch(
  node: SearchNode,
  log: Readonly<Record<string, string>>,
  index: IndexConfig,
): boolean {
  switch (node.kind) {
    case 'all':
      return true;
    case 'and':
      return node.items.every((item) => naiveMatch(item, log, index));
    case 'or':
      return node.items.some((item) => naiveMatch(item, log, index));
    case 'not':
      return !naiveMatch(node.item, log, index);
    case 'term':
      return node.key === undefined
        ? anywhere(node.value, log, index)
        : inField(node.key.name, node.value, log, index);
    case 'compare': {
      const have = numberIn(node.key.name, log, index);
      const want = Number(node.number);
      if (have === undefined) return false;
      return {
        '>': have > want,
        '>=': have >= want,
        '<': have < want,
        '<=': have <= want,
        '=': have === want,
      }[node.operator];
    }
    case 'range': {
      const have = numberIn(node.key.name, log, index);
      if (have === undefined) return false;
      const [low, high] = [Number(node.low), Number(node.high)];
      return (
        (node.isLowIncluded ? have >= low : have > low) && (node.isHighIncluded ? have <= high : have < high)
      );
    }
  }
}

type Cut = Pick<IndexKey, 'token' | 'caseSensitive' | 'chn'>;

function fieldOf(name: string, index: IndexConfig): [string, IndexKey] {
  const found = Object.entries(index.keys).find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw new Error(`no such field: ${name}`);
  return found;
}

function numberIn(
  name: string,
  log: Readonly<Record<string, string>>,
  index: IndexConfig,
): number | undefined {
  const [key, settings] = fieldOf(name, index);
  const text = log[key];
  if (text === undefined) return undefined;
  const pattern = settings.type === 'long' ? /^[+-]?\d+$/ : /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
  return pattern.test(text) ? Number(text) : undefined;
}

function inField(
  name: string,
  value: SearchValue,
  log: Readonly<Record<string, string>>,
  index: IndexConfig,
): boolean {
  const [key, settings] = fieldOf(name, index);
  const text = log[key];
  if (text === undefined) return false;
  if (value.kind === 'any') return true;
  if (value.kind === 'quoted' && value.text === '') return text === '';
  if (settings.type === 'long' || settings.type === 'double') {
    const want = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(value.text)
      ? Number(value.text)
      : undefined;
    return want !== undefined && numberIn(name, log, index) === want;
  }
  const wanted = queryTerms(value, settings);
  const terms = termsOf(text, settings);
  return wanted.every((term) => holds(terms, term, value.kind === 'word'));
}

/** Every term of the full-text query in some field's value or name. */
function anywhere(value: SearchValue, log: Readonly<Record<string, string>>, index: IndexConfig): boolean {
  if (value.kind === 'any' || index.line === undefined) return true;
  const line: Cut = index.line;
  return queryTerms(value, line).every((term) =>
    Object.entries(log).some(([key, text]) => {
      const own = index.keys[key];
      const cut = own?.type === 'text' ? own : line;
      const wanted = queryTerms({ kind: value.kind, text: term }, cut);
      const inValue = wanted.every((each) => holds(termsOf(text, cut), each, value.kind === 'word'));
      return inValue || holds(termsOf(key, line), fold(term, line), value.kind === 'word');
    }),
  );
}

function fold(text: string, cut: Cut): string {
  return cut.caseSensitive === true ? text : text.toLowerCase();
}

const isCjk = (char: string): boolean =>
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(char);

/** Terms of a text. With segmentation, a CJK run counts as every part of itself. */
function termsOf(text: string, cut: Cut): string[] {
  return pieces(fold(text, cut), cut, '').flatMap((piece) => {
    if (cut.chn !== true || !isCjk(piece)) return [piece];
    const chars = [...piece];
    return chars.flatMap((_char, from) =>
      chars.slice(from).map((_other, length) => chars.slice(from, from + length + 1).join('')),
    );
  });
}

function queryTerms(value: { readonly kind: string; readonly text: string }, cut: Cut): string[] {
  return pieces(fold(value.text, cut), cut, value.kind === 'word' ? '*?' : '');
}

function pieces(text: string, cut: Cut, kept: string): string[] {
  const delimiters = cut.token ?? [];
  const result: string[] = [];
  let piece = '';
  let before: boolean | undefined;
  for (const char of text) {
    const isEnd = delimiters.includes(char) && !kept.includes(char);
    // A wildcard belongs to the run it follows.
    const kind = kept.includes(char) && before !== undefined ? before : isCjk(char);
    const changes = cut.chn === true && before !== undefined && before !== kind;
    if ((isEnd || changes) && piece !== '') {
      result.push(piece);
      piece = '';
    }
    if (!isEnd) piece += char;
    before = isEnd ? undefined : kind;
  }
  if (piece !== '') result.push(piece);
  return result;
}

function holds(terms: readonly string[], wanted: string, mayHaveWildcards: boolean): boolean {
  if (!mayHaveWildcards || !/[*?]/.test(wanted)) return terms.includes(wanted);
  return terms.some((term) => matches([...term], [...wanted]));
}

function matches(term: readonly string[], pattern: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return term.length === 0;
  if (first === '*') return term.some((_char, from) => matches(term.slice(from), rest)) || matches([], rest);
  return term.length > 0 && (first === '?' || first === term[0]) && matches(term.slice(1), rest);
}
