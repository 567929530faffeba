import { type PgTypeName, pgTypes } from './column-types.ts';
import { PgError, syntaxError } from './pg-error.ts';
import type { SessionFacts } from './session-facts.ts';
import type { Token } from './statement-lexer.ts';
import { logstoreSchema } from './statement-names.ts';
import { likeMatches, simplePattern } from './system-match.ts';
import type { Cell } from './system-tables.ts';
import type { TokenReader } from './token-reader.ts';

/** The cells of all joined tables, side by side. */
export type SystemRow = readonly Cell[];

export interface Expression {
  /** What the column is called when the statement gives no name. */
  readonly name: string;
  readonly type: PgTypeName;
  readonly evaluate: (row: SystemRow) => Cell;
}

export interface Scope {
  /** Finds `[[schema.]table.]column` by its parts. Throws 42703 or 42702. */
  resolve(parts: readonly Token[]): { readonly at: number; readonly type: PgTypeName };
  readonly facts: SessionFacts;
}

const depthMax = 50;

/** Parses the expressions that tools put into queries of the system tables; anything else is 0A000. */
export class ExpressionParser {
  readonly #reader: TokenReader;
  readonly #scope: Scope;
  #depth = 0;

  constructor(reader: TokenReader, scope: Scope) {
    this.#reader = reader;
    this.#scope = scope;
  }

  /** OR binds weakest. */
  parse(): Expression {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new PgError('54001', 'stack depth limit exceeded');
    let left = this.#and();
    while (this.#reader.takeWords('or')) {
      const [a, b] = [left, this.#and()];
      left = boolean((row) => either(truth(a.evaluate(row)), truth(b.evaluate(row))));
    }
    this.#depth -= 1;
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#reader.takeWords('and')) {
      const [a, b] = [left, this.#not()];
      left = boolean((row) => {
        const [x, y] = [truth(a.evaluate(row)), truth(b.evaluate(row))];
        if (x === false || y === false) return false;
        return x === undefined || y === undefined ? undefined : true;
      });
    }
    return left;
  }

  #not(): Expression {
    let negations = 0;
    while (this.#reader.takeWords('not')) negations += 1;
    const inner = this.#comparison();
    if (negations % 2 === 0) return inner;
    return boolean((row) => negate(truth(inner.evaluate(row))));
  }

  #comparison(): Expression {
    const reader = this.#reader;
    const left = this.#concatenation();
    if (reader.takeWords('is')) {
      const isNegated = reader.takeWords('not');
      const wanted = reader.next();
      if (wanted.text === 'null') return boolean((row) => (left.evaluate(row) === null) !== isNegated);
      if (wanted.text === 'true' || wanted.text === 'false') {
        return boolean((row) => (truth(left.evaluate(row)) === (wanted.text === 'true')) !== isNegated);
      }
      throw unsupported(wanted);
    }
    const isNegated = reader.isWord('not') && (reader.isWord('in', 1) || reader.isWord('like', 1));
    if (isNegated) reader.next();
    const test = this.#membership(left) ?? this.#operator(left);
    if (test === undefined) return left;
    return isNegated ? boolean((row) => negate(truth(test.evaluate(row)))) : test;
  }

  #membership(left: Expression): Expression | undefined {
    const reader = this.#reader;
    if (reader.takeWords('like')) {
      const pattern = this.#concatenation();
      const escapeLetter = reader.takeWords('escape') ? reader.next().text : undefined;
      return boolean((row) => {
        const [text, like] = [left.evaluate(row), pattern.evaluate(row)];
        return text === null || like === null ? undefined : likeMatches(text, like, escapeLetter);
      });
    }
    if (reader.takeWords('in')) {
      reader.expectSymbol('(');
      return this.#oneOf(left, this.#list(')'));
    }
    const isAny = reader.isSymbol('=') && reader.isWord('any', 1);
    if (!isAny) return undefined;
    reader.next();
    reader.next();
    reader.expectSymbol('(');
    const isNested = reader.takeSymbol('(');
    if (!reader.takeWords('array')) throw unsupported(reader.peek());
    reader.expectSymbol('[');
    const choices = this.#list(']');
    if (reader.takeSymbol('::')) skipTypeName(reader);
    if (isNested) reader.expectSymbol(')');
    reader.expectSymbol(')');
    return this.#oneOf(left, choices);
  }

  #oneOf(left: Expression, choices: readonly Expression[]): Expression {
    return boolean((row) => {
      const value = left.evaluate(row);
      return value === null ? undefined : choices.some((choice) => choice.evaluate(row) === value);
    });
  }

  #operator(left: Expression): Expression | undefined {
    const operator = takeOperator(this.#reader);
    if (operator === undefined) return undefined;
    const right = this.#concatenation();
    const compare = comparisons.get(operator);
    if (compare === undefined) throw unsupported(this.#reader.peek(-1));
    return boolean((row) => {
      const [a, b] = [left.evaluate(row), right.evaluate(row)];
      return a === null || b === null ? undefined : compare(a, b);
    });
  }

  #concatenation(): Expression {
    let left = this.#cast();
    while (this.#reader.takeSymbol('||')) {
      const [a, b] = [left, this.#cast()];
      const evaluate = (row: SystemRow): Cell => {
        const [x, y] = [a.evaluate(row), b.evaluate(row)];
        return x === null || y === null ? null : x + y;
      };
      left = { name: '?column?', type: 'text', evaluate };
    }
    return left;
  }

  #cast(): Expression {
    let value = this.#primary();
    for (;;) {
      if (this.#reader.isSymbol('::') && this.#reader.isWord('regclass', 1)) value = this.#classOid();
      else if (this.#reader.takeSymbol('::'))
        value = { ...value, type: skipTypeName(this.#reader) ?? value.type };
      else if (this.#reader.takeWords('collate')) takeDotted(this.#reader);
      else return value;
    }
  }

  /** `'pg_class'::regclass`, which tools compare with `pg_description.classoid`. */
  #classOid(): Expression {
    const spelled = this.#reader.peek(-1);
    const oid = spelled?.kind === 'string' ? classOids.get(spelled.text) : undefined;
    if (oid === undefined) throw unsupported(spelled);
    this.#reader.next();
    this.#reader.next();
    return constant(oid, 'oid');
  }

  #primary(): Expression {
    const reader = this.#reader;
    const token = reader.next();
    if (token.kind === 'string') return constant(token.text, 'text');
    if (token.kind === 'number') return constant(token.text, 'int4');
    if (token.kind === 'symbol' && token.text === '-' && reader.peek()?.kind === 'number') {
      return constant(`-${reader.next().text}`, 'int4');
    }
    if (token.kind === 'symbol' && token.text === '(') {
      if (reader.isWord('select')) throw unsupported(reader.peek());
      const inner = this.parse();
      reader.expectSymbol(')');
      return inner;
    }
    if (token.kind === 'word') {
      if (token.text === 'null') return constant(null, 'text');
      if (token.text === 'true' || token.text === 'false') return constant(token.text.charAt(0), 'bool');
      if (token.text === 'case') return this.#case();
    }
    if (token.kind !== 'word' && token.kind !== 'name') throw unsupported(token);
    const parts = [token];
    while (parts.length < 3 && reader.isSymbol('.') && reader.isName(1)) {
      reader.next();
      parts.push(reader.next());
    }
    const last = parts.at(-1) ?? token;
    if (reader.takeSymbol('(')) return this.#call(last, reader.takeSymbol(')') ? [] : this.#list(')'));
    const { at, type } = this.#scope.resolve(parts);
    return { name: last.text, type, evaluate: (row) => row[at] ?? null };
  }

  #list(close: string): Expression[] {
    const items = [this.parse()];
    while (this.#reader.takeSymbol(',')) items.push(this.parse());
    this.#reader.expectSymbol(close);
    return items;
  }

  #call(token: Token, parameters: readonly Expression[]): Expression {
    const build = calls.get(token.text);
    if (build === undefined) throw unsupported(token);
    return { name: token.text, ...build(parameters, this.#scope.facts) };
  }

  /** `CASE value WHEN …` and `CASE WHEN …`. */
  #case(): Expression {
    const reader = this.#reader;
    const subject = reader.isWord('when') ? undefined : this.parse();
    const branches: { when: Expression; result: Expression }[] = [];
    while (reader.takeWords('when')) {
      const when = this.parse();
      reader.expectWord('then');
      branches.push({ when, result: this.parse() });
    }
    const otherwise = reader.takeWords('else') ? this.parse() : undefined;
    reader.expectWord('end');
    if (branches.length === 0) throw syntaxError(reader.peek());
    const evaluate = (row: SystemRow): Cell => {
      const value = subject?.evaluate(row);
      const isHit = ({ when }: { when: Expression }): boolean => {
        const have = when.evaluate(row);
        return subject === undefined ? truth(have) === true : have !== null && have === value;
      };
      return (branches.find(isHit)?.result ?? otherwise)?.evaluate(row) ?? null;
    };
    return { name: 'case', type: branches[0]?.result.type ?? 'text', evaluate };
  }
}

type Truth = boolean | undefined;

function truth(cell: Cell): Truth {
  return cell === null ? undefined : cell === 't';
}

function negate(value: Truth): Truth {
  return value === undefined ? undefined : !value;
}

function either(a: Truth, b: Truth): Truth {
  if (a === true || b === true) return true;
  return a === undefined || b === undefined ? undefined : false;
}

function boolean(test: (row: SystemRow) => Truth): Expression {
  return {
    name: '?column?',
    type: 'bool',
    evaluate: (row) => {
      const value = test(row);
      return value === undefined ? null : value ? 't' : 'f';
    },
  };
}

function constant(cell: Cell, type: PgTypeName): Expression {
  return { name: type === 'bool' ? 'bool' : '?column?', type, evaluate: () => cell };
}

function order(a: string, b: string): number {
  const areNumbers = /^-?\d{1,15}$/.test(a) && /^-?\d{1,15}$/.test(b);
  if (areNumbers) return Number(a) - Number(b);
  return a < b ? -1 : Number(a > b);
}

/** Orders two cells as ORDER BY does: NULL comes last. */
export function compareCells(a: Cell, b: Cell): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return order(a, b);
}

const comparisons = new Map<string, (a: string, b: string) => boolean>([
  ['=', (a, b) => a === b],
  ['<>', (a, b) => a !== b],
  ['!=', (a, b) => a !== b],
  ['<', (a, b) => order(a, b) < 0],
  ['<=', (a, b) => order(a, b) <= 0],
  ['>', (a, b) => order(a, b) > 0],
  ['>=', (a, b) => order(a, b) >= 0],
  ['~', (a, b) => simplePattern(b)(a)],
  ['!~', (a, b) => !simplePattern(b)(a)],
]);

function takeOperator(reader: TokenReader): string | undefined {
  if (reader.isWord('operator') && reader.isSymbol('(', 1)) {
    // OPERATOR(pg_catalog.~), as psql writes.
    reader.next();
    reader.next();
    while (reader.isName()) {
      reader.next();
      reader.expectSymbol('.');
    }
    const operator = takeOperator(reader);
    reader.expectSymbol(')');
    return operator;
  }
  if (reader.isSymbol('!') && reader.isSymbol('~', 1)) {
    reader.next();
    reader.next();
    return '!~';
  }
  const token = reader.peek();
  if (token?.kind !== 'symbol' || !comparisons.has(token.text)) return undefined;
  reader.next();
  return token.text;
}

function takeDotted(reader: TokenReader): Token {
  let name = reader.name();
  while (reader.takeSymbol('.')) name = reader.name();
  return name;
}

/** Reads a type after `::`; the type when results can have it. */
function skipTypeName(reader: TokenReader): PgTypeName | undefined {
  const name = takeDotted(reader);
  while (reader.takeSymbol('[')) reader.expectSymbol(']');
  return Object.hasOwn(pgTypes, name.text) ? (name.text as PgTypeName) : undefined;
}

/** PostgreSQL's fixed numbers of its own tables. */
const classOids = new Map([
  ['pg_class', '1259'],
  ['pg_catalog.pg_class', '1259'],
  ['pg_type', '1247'],
  ['pg_namespace', '2615'],
  ['pg_database', '1262'],
]);

type BuildCall = (parameters: readonly Expression[], facts: SessionFacts) => Omit<Expression, 'name'>;

const fixed =
  (cell: Cell, type: PgTypeName): BuildCall =>
  () => ({ type, evaluate: () => cell });

const calls: ReadonlyMap<string, BuildCall> = new Map<string, BuildCall>([
  ['pg_table_is_visible', fixed('t', 'bool')],
  ['has_schema_privilege', fixed('t', 'bool')],
  ['has_table_privilege', fixed('t', 'bool')],
  ['current_schema', fixed(logstoreSchema, 'name')],
  ['current_database', (_, facts) => ({ type: 'name', evaluate: () => facts.database })],
  ['pg_get_userbyid', (_, facts) => ({ type: 'name', evaluate: () => facts.user })],
  ['obj_description', fixed(null, 'text')],
  ['col_description', fixed(null, 'text')],
  ['pg_get_expr', fixed(null, 'text')],
  ['quote_ident', ([first]) => ({ type: 'text', evaluate: (row) => first?.evaluate(row) ?? null })],
]);

export function unsupported(token: Token | undefined): PgError {
  return new PgError('0A000', 'this query of the system tables is not supported', {
    hint: 'Logstores are listed in information_schema.tables, their indexed columns in information_schema.columns.',
    ...(token === undefined ? {} : { detail: `It stops at "${token.source}".`, at: token.start }),
  });
}
