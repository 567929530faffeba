import type { IndexConfig, IndexKey } from '../catalog/index-config.ts';
import { doubleOfText, jsonPath, type LogSource, logColumns, longOfText, textOfKey } from './log-source.ts';
import { keyNotIndexed, keyNotNumeric } from './query-error.ts';
import type { SearchKey, SearchNode, SearchValue } from './search-ast.ts';
import { phrasePredicate, termPredicate } from './term-predicate.ts';
import {
  builtInDelimiters,
  type QueryTerm,
  settingsOfKey,
  settingsOfLine,
  type TermSettings,
  termsOfQuery,
  textHasTerm,
  wholeValue,
} from './term-settings.ts';

export interface SearchPredicate {
  /** A condition over a log table's columns; `TRUE` when the search does not narrow anything. */
  readonly sql: string;
  /** What clients highlight. */
  readonly terms: readonly { readonly key: string; readonly term: string }[];
}

/** Turns a search into an exact condition. Throws `SlsError` for a field that is not indexed as needed. */
export function translateSearch(node: SearchNode, index: IndexConfig, source: LogSource): SearchPredicate {
  const terms: { key: string; term: string }[] = [];
  const translator = new SearchTranslator(index, source, (key, term) => terms.push({ key, term }));
  return { sql: translator.node(node), terms };
}

/** A field as a condition addresses it. `text` is undefined when no log has the field yet. */
interface Field {
  readonly type: 'text' | 'long' | 'double';
  readonly text: string | undefined;
  readonly settings: TermSettings;
  readonly name: string;
}

/** What one field, or one field name, must hold for a full-text condition. */
interface Words {
  readonly text: string;
  readonly mayHaveWildcards: boolean;
  readonly isPhrase: boolean;
}

const none = 'FALSE';
/** More fields than this are tested as a list. */
const separateTestsMax = 64;

class SearchTranslator {
  readonly #index: IndexConfig;
  readonly #source: LogSource;
  readonly #note: (key: string, term: string) => void;

  constructor(index: IndexConfig, source: LogSource, note: (key: string, term: string) => void) {
    this.#index = index;
    this.#source = source;
    this.#note = note;
  }

  node(node: SearchNode): string {
    switch (node.kind) {
      case 'all':
        return 'TRUE';
      case 'and':
      case 'or':
        return `(${node.items.map((item) => this.node(item)).join(node.kind === 'and' ? ' AND ' : ' OR ')})`;
      case 'not':
        // A condition on an absent field is not met, so its negation is: NULL counts as false.
        return `NOT coalesce(${this.node(node.item)}, FALSE)`;
      case 'term':
        return node.key === undefined ? this.#fullText(node.value) : this.#field(node.key, node.value);
      case 'compare':
        return this.#numeric(node.key, (number) => `${number} ${node.operator} ${bound(node.number)}`);
      case 'range':
        return this.#numeric(node.key, (number) => {
          const low =
            node.low === '*' ? 'TRUE' : `${number} ${node.isLowIncluded ? '>=' : '>'} ${bound(node.low)}`;
          const high =
            node.high === '*' ? 'TRUE' : `${number} ${node.isHighIncluded ? '<=' : '<'} ${bound(node.high)}`;
          return `(${low} AND ${high})`;
        });
    }
  }

  #numeric(key: SearchKey, condition: (number: string) => string): string {
    const field = this.#resolve(key);
    if (field.type === 'text') throw keyNotNumeric(key.name);
    if (field.text === undefined) return none;
    return condition(field.type === 'long' ? longOfText(field.text) : doubleOfText(field.text));
  }

  #field(key: SearchKey, value: SearchValue): string {
    const field = this.#resolve(key);
    if (field.text === undefined) return none;
    if (value.kind === 'any') return `${field.text} IS NOT NULL`;
    this.#note(field.name, value.text);
    if (value.text === '' && value.kind === 'quoted') return `${field.text} = ''`;
    if (field.type !== 'text') {
      if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(value.text)) return none;
      return `${field.type === 'long' ? longOfText(field.text) : doubleOfText(field.text)} = ${bound(value.text)}`;
    }
    const terms = termsOfQuery(value.text, field.settings, value.kind === 'word');
    return matchAll(field.text, terms, field.settings, value.kind === 'phrase');
  }

  /** Each term of the text must occur in some field or field name; a phrase must occur within one field. */
  #fullText(value: SearchValue): string {
    if (value.kind === 'any') return 'TRUE';
    this.#note('', value.text);
    const line = settingsOfLine(this.#index);
    const cut = line ?? { delimiters: builtInDelimiters, isCaseSensitive: true, isCjk: false };
    const terms = termsOfQuery(value.text, cut, value.kind === 'word');
    if (terms.length === 0) return 'TRUE';
    if (value.kind === 'phrase')
      return this.#anyField({ text: value.text, mayHaveWildcards: false, isPhrase: true });
    const each = terms.map((term) =>
      this.#anyField({ text: term.text, mayHaveWildcards: term.hasWildcard, isPhrase: false }),
    );
    return each.length === 1 ? (each[0] ?? none) : `(${each.join(' AND ')})`;
  }

  /**
   * A disjunction over the fields that full-text search covers, and over their names. Many fields that are cut
   * alike are tested as one list: a condition of its own for each of 500 took seconds to plan.
   */
  #anyField(words: Words): string {
    const line = settingsOfLine(this.#index);
    const tests: string[] = [];
    const byCut = new Map<string, { settings: TermSettings; columns: string[] }>();
    for (const [key, column] of this.#source.columns) {
      const settings = this.#fullTextSettings(key, line);
      if (settings === undefined) continue;
      const cut = JSON.stringify(settings);
      const group = byCut.get(cut) ?? { settings, columns: [] };
      group.columns.push(column);
      byCut.set(cut, group);
      if (line !== undefined && nameMatches(key, words, line)) tests.push(`${column} IS NOT NULL`);
    }
    for (const { settings, columns } of byCut.values()) {
      const test = (text: string): string =>
        matchAll(text, termsOfQuery(words.text, settings, words.mayHaveWildcards), settings, words.isPhrase);
      if (columns.length > separateTestsMax) tests.push(inList(`[${columns.join(', ')}]`, test));
      else tests.push(...columns.map(test));
    }
    const { overflow } = this.#source;
    if (overflow !== undefined && line !== undefined) {
      const test = (text: string): string =>
        matchAll(text, termsOfQuery(words.text, line, words.mayHaveWildcards), line, words.isPhrase);
      tests.push(
        inList(`json_extract_string(${overflow}, '$.*')`, test),
        inList(`json_keys(${overflow})`, test),
      );
    }
    return tests.length === 0 ? none : `(${tests.join(' OR ')})`;
  }

  #fullTextSettings(key: string, line: TermSettings | undefined): TermSettings | undefined {
    const own = this.#index.keys[key];
    const isText = own?.type === 'text' || own?.type === 'json';
    if (line === undefined) return isText ? settingsOfKey(own) : undefined;
    const { include_keys: include, exclude_keys: exclude } = this.#index.line ?? {};
    if (include !== undefined && include.length > 0 && !include.includes(key)) return undefined;
    if (exclude?.includes(key) === true) return undefined;
    return isText ? settingsOfKey(own) : line;
  }

  #resolve(key: SearchKey): Field {
    const { name } = key;
    const lower = name.toLowerCase();
    if (lower === '__topic__')
      return { type: 'text', text: logColumns.topic, settings: wholeValue, name: '__topic__' };
    if (lower === '__source__' || name === 'source') {
      return { type: 'text', text: logColumns.source, settings: wholeValue, name: '__source__' };
    }
    if (lower.startsWith('__tag__:')) return this.#tag(name);
    const own = this.#ownKey(name);
    if (own !== undefined) {
      const [spelled, settings] = own;
      const type = settings.type === 'json' ? 'text' : settings.type;
      return {
        type,
        text: textOfKey(this.#source, spelled),
        settings: settingsOfKey(settings),
        name: spelled,
      };
    }
    return this.#jsonLeaf(name);
  }

  #tag(name: string): Field {
    const lower = name.toLowerCase();
    const spelled = [...this.#source.columns.keys()].find((key) => key.toLowerCase() === lower) ?? name;
    const own = this.#index.keys[spelled];
    const settings = own?.type === 'text' ? settingsOfKey(own) : wholeValue;
    return { type: 'text', text: textOfKey(this.#source, spelled), settings, name: spelled };
  }

  /** Field names of a query ignore case; the exact spelling wins. */
  #ownKey(name: string): readonly [string, IndexKey] | undefined {
    const exact = Object.hasOwn(this.#index.keys, name) ? this.#index.keys[name] : undefined;
    if (exact !== undefined) return [name, exact];
    const lower = name.toLowerCase();
    return Object.entries(this.#index.keys).find(([key]) => key.toLowerCase() === lower);
  }

  /** `a.b.c`: the leaf `b.c` of the JSON field `a`. */
  #jsonLeaf(name: string): Field {
    for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
      const own = this.#ownKey(name.slice(0, dot));
      if (own === undefined || own[1].type !== 'json') continue;
      const path = name.slice(dot + 1);
      const leaf = Object.entries(own[1].json_keys ?? {}).find(
        ([key]) => key.toLowerCase() === path.toLowerCase(),
      );
      if (leaf === undefined) continue;
      const document = textOfKey(this.#source, own[0]);
      const text = document === undefined ? undefined : jsonLeafText(document, leaf[0]);
      return { type: leaf[1].type, text, settings: settingsOfKey(own[1]), name };
    }
    throw keyNotIndexed(name);
  }
}

/** The text of a JSON leaf; NULL when the document is not valid JSON. */
export function jsonLeafText(document: string, path: string): string {
  return `(CASE WHEN json_valid(${document}) THEN json_extract_string(${document}, ${jsonPath(path.split('.'))}) END)`;
}

function inList(list: string, test: (text: string) => string): string {
  return `len(list_filter(${list}, lambda x: ${test('x')})) > 0`;
}

function nameMatches(name: string, words: Words, line: TermSettings): boolean {
  const terms = termsOfQuery(words.text, line, words.mayHaveWildcards);
  return terms.length > 0 && terms.every((term) => textHasTerm(name, term, line));
}

function matchAll(
  text: string,
  terms: readonly QueryTerm[],
  settings: TermSettings,
  isPhrase: boolean,
): string {
  if (terms.length === 0) return `${text} IS NOT NULL`;
  if (isPhrase && terms.length > 1) return phrasePredicate(text, terms, settings);
  const tests = terms.map((term) => termPredicate(text, term, settings));
  return tests.length === 1 ? (tests[0] ?? none) : `(${tests.join(' AND ')})`;
}

/** A number of the query as a literal; integers beyond 64 bits become doubles. */
function bound(number: string): string {
  if (/^[+-]?\d+$/.test(number)) {
    const value = BigInt(number.replace('+', ''));
    if (value >= -(2n ** 63n) && value < 2n ** 63n) return `CAST('${value}' AS BIGINT)`;
  }
  return `CAST('${number}' AS DOUBLE)`;
}
