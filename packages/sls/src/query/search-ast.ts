/** A field's name as written; `at` is its offset in the query text. */
export interface SearchKey {
  readonly name: string;
  readonly at: number;
}

/**
 * What a field, or the whole log, is searched for. `word` may hold wildcards; `quoted` is plain text of which
 * every term must occur; `phrase` wants its terms next to each other; `any` is `*`.
 */
export type SearchValue =
  | { readonly kind: 'word' | 'quoted' | 'phrase'; readonly text: string }
  | { readonly kind: 'any' };

export type CompareOperator = '>' | '>=' | '<' | '<=' | '=';

/** The tree of a search. Numbers stay text, so that 64-bit integers keep every digit. */
export type SearchNode =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly items: readonly SearchNode[] }
  | { readonly kind: 'not'; readonly item: SearchNode }
  | {
      readonly kind: 'term';
      readonly key: SearchKey | undefined;
      readonly value: SearchValue;
      readonly at: number;
    }
  | {
      readonly kind: 'compare';
      readonly key: SearchKey;
      readonly operator: CompareOperator;
      readonly number: string;
    }
  | {
      readonly kind: 'range';
      readonly key: SearchKey;
      readonly low: string;
      readonly high: string;
      readonly isLowIncluded: boolean;
      readonly isHighIncluded: boolean;
    };
