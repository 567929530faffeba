/** Every node knows its offset in the statement, for error messages. */
interface Node {
  readonly at: number;
}

export interface SqlIdentifier extends Node {
  readonly name: string;
  readonly isQuoted: boolean;
}

export type SqlBinaryOperator = '=' | '<>' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '||';

export interface SqlSortItem extends Node {
  readonly expression: SqlExpression;
  readonly isDescending: boolean;
  readonly areNullsFirst: boolean | undefined;
}

export interface SqlFrame {
  readonly unit: 'rows' | 'range';
  /** Checked text such as `UNBOUNDED PRECEDING` or `3 FOLLOWING`. */
  readonly start: string;
  readonly end: string | undefined;
}

export interface SqlWindow {
  readonly partitionBy: readonly SqlExpression[];
  readonly orderBy: readonly SqlSortItem[];
  readonly frame: SqlFrame | undefined;
}

export interface SqlCall extends Node {
  readonly kind: 'call';
  /** Lower case. */
  readonly name: string;
  readonly arguments: readonly SqlExpression[];
  readonly isStar: boolean;
  readonly isDistinct: boolean;
  readonly orderBy: readonly SqlSortItem[];
  readonly filter: SqlExpression | undefined;
  readonly areNullsIgnored: boolean;
  readonly over: SqlWindow | undefined;
}

export type SqlExpression = Node &
  (
    | { readonly kind: 'number'; readonly text: string }
    | { readonly kind: 'string'; readonly text: string }
    | { readonly kind: 'boolean'; readonly value: boolean }
    | { readonly kind: 'null' }
    | { readonly kind: 'typed'; readonly type: 'date' | 'timestamp'; readonly text: string }
    | { readonly kind: 'interval'; readonly amount: string; readonly unit: string }
    | { readonly kind: 'column'; readonly parts: readonly SqlIdentifier[] }
    | SqlCall
    | { readonly kind: 'negate'; readonly operand: SqlExpression }
    | { readonly kind: 'not'; readonly operand: SqlExpression }
    | { readonly kind: 'logic'; readonly operator: 'and' | 'or'; readonly operands: readonly SqlExpression[] }
    | {
        readonly kind: 'binary';
        readonly operator: SqlBinaryOperator;
        readonly left: SqlExpression;
        readonly right: SqlExpression;
      }
    | { readonly kind: 'isNull'; readonly operand: SqlExpression; readonly isNegated: boolean }
    | {
        readonly kind: 'isDistinct';
        readonly left: SqlExpression;
        readonly right: SqlExpression;
        readonly isNegated: boolean;
      }
    | {
        readonly kind: 'between';
        readonly operand: SqlExpression;
        readonly low: SqlExpression;
        readonly high: SqlExpression;
        readonly isNegated: boolean;
      }
    | {
        readonly kind: 'in';
        readonly operand: SqlExpression;
        readonly list: readonly SqlExpression[] | SqlQuery;
        readonly isNegated: boolean;
      }
    | {
        readonly kind: 'like';
        readonly operand: SqlExpression;
        readonly pattern: SqlExpression;
        readonly escape: SqlExpression | undefined;
        readonly isNegated: boolean;
      }
    | {
        readonly kind: 'case';
        readonly operand: SqlExpression | undefined;
        readonly branches: readonly { readonly when: SqlExpression; readonly result: SqlExpression }[];
        readonly otherwise: SqlExpression | undefined;
      }
    | {
        readonly kind: 'cast';
        readonly operand: SqlExpression;
        readonly type: SqlTypeText;
        readonly isTry: boolean;
      }
    | { readonly kind: 'extract'; readonly field: string; readonly operand: SqlExpression }
    | { readonly kind: 'atTimeZone'; readonly operand: SqlExpression; readonly zone: SqlExpression }
    | { readonly kind: 'array'; readonly items: readonly SqlExpression[] }
    | { readonly kind: 'subscript'; readonly operand: SqlExpression; readonly index: SqlExpression }
    | { readonly kind: 'row'; readonly items: readonly SqlExpression[] }
    | { readonly kind: 'lambda'; readonly parameters: readonly string[]; readonly body: SqlExpression }
    | { readonly kind: 'exists'; readonly query: SqlQuery }
    | { readonly kind: 'subquery'; readonly query: SqlQuery }
  );

/** A type name as written: `array(varchar)` is name `array` with one parameter. */
export interface SqlTypeText extends Node {
  readonly name: string;
  readonly parameters: readonly SqlTypeText[];
}

export type SqlSelectItem = Node &
  (
    | { readonly kind: 'star'; readonly qualifier: SqlIdentifier | undefined }
    | {
        readonly kind: 'value';
        readonly expression: SqlExpression;
        readonly alias: SqlIdentifier | undefined;
      }
  );

export type SqlGroupItem = Node &
  (
    | { readonly kind: 'value'; readonly expression: SqlExpression }
    | {
        readonly kind: 'rollup' | 'cube' | 'sets';
        readonly sets: readonly (readonly SqlExpression[])[];
      }
  );

export interface SqlAlias {
  readonly name: SqlIdentifier;
  readonly columns: readonly SqlIdentifier[];
}

export type SqlFrom = Node &
  (
    | {
        readonly kind: 'table';
        readonly parts: readonly SqlIdentifier[];
        readonly alias: SqlAlias | undefined;
      }
    | { readonly kind: 'query'; readonly query: SqlQuery; readonly alias: SqlAlias | undefined }
    | {
        readonly kind: 'unnest';
        readonly items: readonly SqlExpression[];
        readonly hasOrdinality: boolean;
        readonly alias: SqlAlias | undefined;
      }
    | {
        readonly kind: 'join';
        readonly join: 'inner' | 'left' | 'right' | 'full' | 'cross';
        readonly left: SqlFrom;
        readonly right: SqlFrom;
        readonly on: SqlExpression | undefined;
        readonly using: readonly SqlIdentifier[];
      }
  );

export interface SqlSelect extends Node {
  readonly kind: 'select';
  readonly isDistinct: boolean;
  readonly items: readonly SqlSelectItem[];
  readonly from: SqlFrom | undefined;
  readonly where: SqlExpression | undefined;
  readonly groupBy: readonly SqlGroupItem[];
  readonly having: SqlExpression | undefined;
}

export type SqlBody =
  | SqlSelect
  | (Node & {
      readonly kind: 'set';
      readonly operator: 'union' | 'intersect' | 'except';
      readonly isAll: boolean;
      readonly left: SqlBody;
      readonly right: SqlBody;
    })
  | (Node & { readonly kind: 'values'; readonly rows: readonly (readonly SqlExpression[])[] })
  | (Node & { readonly kind: 'nested'; readonly query: SqlQuery });

export interface SqlQuery extends Node {
  readonly with: readonly { readonly alias: SqlAlias; readonly query: SqlQuery }[];
  readonly body: SqlBody;
  readonly orderBy: readonly SqlSortItem[];
  /** Digits; undefined for none and for `LIMIT ALL`. */
  readonly limit: string | undefined;
  readonly offset: string | undefined;
}

/** A call with nothing but arguments. */
export function plainCall(name: string, list: readonly SqlExpression[], at: number): SqlCall {
  return {
    kind: 'call',
    at,
    name,
    arguments: list,
    isStar: false,
    isDistinct: false,
    orderBy: [],
    filter: undefined,
    areNullsIgnored: false,
    over: undefined,
  };
}
