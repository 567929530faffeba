import {
  plainCall,
  type SqlBinaryOperator,
  type SqlCall,
  type SqlExpression,
  type SqlFrame,
  type SqlQuery,
  type SqlSortItem,
  type SqlTypeText,
  type SqlWindow,
} from './sql-ast.ts';
import type { SqlTokenStream } from './sql-token-stream.ts';

/** How a nested query is read; handed in because queries and expressions contain each other. */
type QueryReader = (tokens: SqlTokenStream) => SqlQuery;

/** Parses one expression: OR binds loosest, subscripts and casts bind tightest. */
export function parseExpression(tokens: SqlTokenStream, query: QueryReader): SqlExpression {
  return tokens.nested(() => new ExpressionParser(tokens, query).expression());
}

const comparisons: Readonly<Record<string, SqlBinaryOperator>> = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

/** Functions that are written without parentheses. */
const bareFunctions = new Set([
  'current_date',
  'current_time',
  'current_timestamp',
  'localtime',
  'localtimestamp',
]);

class ExpressionParser {
  readonly #tokens: SqlTokenStream;
  readonly #query: QueryReader;

  constructor(tokens: SqlTokenStream, query: QueryReader) {
    this.#tokens = tokens;
    this.#query = query;
  }

  expression(): SqlExpression {
    return this.#chain('or', () => this.#chain('and', () => this.#not()));
  }

  #chain(operator: 'and' | 'or', read: () => SqlExpression): SqlExpression {
    const first = read();
    if (!this.#tokens.is(operator)) return first;
    const operands = [first];
    while (this.#tokens.accept(operator)) operands.push(read());
    return { kind: 'logic', at: first.at, operator, operands };
  }

  #not(): SqlExpression {
    const at = this.#tokens.peek().at;
    if (!this.#tokens.accept('not')) return this.#predicate();
    return { kind: 'not', at, operand: this.#tokens.nested(() => this.#not()) };
  }

  #predicate(): SqlExpression {
    let left = this.#concatenation();
    for (;;) {
      const { at, word } = this.#tokens.peek();
      const comparison = comparisons[word];
      if (comparison !== undefined) {
        this.#tokens.take();
        left = { kind: 'binary', at, operator: comparison, left, right: this.#concatenation() };
        continue;
      }
      const next = word === 'is' ? this.#is(left) : this.#negatable(left);
      if (next === undefined) return left;
      left = next;
    }
  }

  #is(left: SqlExpression): SqlExpression {
    const { at } = this.#tokens.expect('is');
    const isNegated = this.#tokens.accept('not');
    if (this.#tokens.accept('null')) return { kind: 'isNull', at, operand: left, isNegated };
    if (this.#tokens.accept('distinct', 'from')) {
      return { kind: 'isDistinct', at, left, right: this.#concatenation(), isNegated };
    }
    throw this.#tokens.unexpected("'DISTINCT', 'NULL'");
  }

  /** BETWEEN, IN and LIKE, each with an optional NOT before it. */
  #negatable(left: SqlExpression): SqlExpression | undefined {
    const { at } = this.#tokens.peek();
    const isNegated = this.#tokens.is('not') && ['between', 'in', 'like'].includes(this.#tokens.peek(1).word);
    if (isNegated) this.#tokens.take();
    if (this.#tokens.accept('between')) {
      const low = this.#concatenation();
      this.#tokens.expect('and');
      return { kind: 'between', at, operand: left, low, high: this.#concatenation(), isNegated };
    }
    if (this.#tokens.accept('in')) {
      const list = this.#tokens.parenthesized(() =>
        this.#isQuery() ? this.#query(this.#tokens) : this.#expressions(),
      );
      return { kind: 'in', at, operand: left, list, isNegated };
    }
    if (this.#tokens.accept('like')) {
      const pattern = this.#concatenation();
      const escapeCharacter = this.#tokens.accept('escape') ? this.#concatenation() : undefined;
      return { kind: 'like', at, operand: left, pattern, escape: escapeCharacter, isNegated };
    }
    return undefined;
  }

  #isQuery(): boolean {
    return this.#tokens.is('select') || this.#tokens.is('with') || this.#tokens.is('values');
  }

  #expressions(): SqlExpression[] {
    return this.#tokens.list(() => this.#nestedExpression());
  }

  #nestedExpression(): SqlExpression {
    return parseExpression(this.#tokens, this.#query);
  }

  #concatenation(): SqlExpression {
    return this.#leftAssociative(['||'], () =>
      this.#leftAssociative(['+', '-'], () => this.#leftAssociative(['*', '/', '%'], () => this.#sign())),
    );
  }

  #leftAssociative(operators: readonly string[], read: () => SqlExpression): SqlExpression {
    let left = read();
    for (;;) {
      const { at, word, kind } = this.#tokens.peek();
      if (kind !== 'sign' || !operators.includes(word)) return left;
      this.#tokens.take();
      left = { kind: 'binary', at, operator: word as SqlBinaryOperator, left, right: read() };
    }
  }

  #sign(): SqlExpression {
    const { at } = this.#tokens.peek();
    if (this.#tokens.accept('-')) {
      return { kind: 'negate', at, operand: this.#tokens.nested(() => this.#sign()) };
    }
    if (this.#tokens.accept('+')) return this.#tokens.nested(() => this.#sign());
    return this.#postfix();
  }

  #postfix(): SqlExpression {
    let operand = this.#primary();
    for (;;) {
      const { at } = this.#tokens.peek();
      if (this.#tokens.accept('[')) {
        const index = this.#nestedExpression();
        this.#tokens.expect(']');
        operand = { kind: 'subscript', at, operand, index };
      } else if (this.#tokens.accept('::')) {
        operand = { kind: 'cast', at, operand, type: this.#type(), isTry: false };
      } else if (this.#tokens.accept('at', 'time', 'zone')) {
        operand = { kind: 'atTimeZone', at, operand, zone: this.#primary() };
      } else {
        return operand;
      }
    }
  }

  #primary(): SqlExpression {
    const token = this.#tokens.peek();
    const { at } = token;
    if (token.kind === 'number') return { kind: 'number', at, text: this.#tokens.take().text };
    if (token.kind === 'string') return { kind: 'string', at, text: this.#tokens.take().text };
    if (token.word === '(') return this.#parenthesis();
    if (token.kind === 'name') {
      const special = this.#keyword(token.word, at);
      if (special !== undefined) return special;
    }
    if (this.#tokens.isIdentifier() && this.#tokens.peek(1).word === '->')
      return this.#lambda([this.#tokens.take().text], at);
    if (token.kind === 'name' && this.#tokens.peek(1).word === '(') return this.#call();
    if (!this.#tokens.isIdentifier()) throw this.#tokens.unexpected('<expression>');
    const parts = [this.#tokens.identifier()];
    while (this.#tokens.is('.') && this.#tokens.isIdentifier(1)) {
      this.#tokens.take();
      parts.push(this.#tokens.identifier());
    }
    if (parts.length > 1 && this.#tokens.is('('))
      return this.#qualifiedCall(
        parts.map((part) => part.name),
        at,
      );
    return { kind: 'column', at, parts };
  }

  /** Constructs that begin with a word of their own; undefined when the word is just a name. */
  #keyword(word: string, at: number): SqlExpression | undefined {
    const next = this.#tokens.peek(1);
    switch (word) {
      case 'null':
        this.#tokens.take();
        return { kind: 'null', at };
      case 'true':
      case 'false':
        this.#tokens.take();
        return { kind: 'boolean', at, value: word === 'true' };
      case 'case':
        return this.#case();
      case 'cast':
      case 'try_cast':
        return next.word === '(' ? this.#cast(word === 'try_cast') : undefined;
      case 'date':
      case 'timestamp':
        if (next.kind !== 'string') return undefined;
        this.#tokens.take();
        return { kind: 'typed', at, type: word, text: this.#tokens.take().text };
      case 'interval':
        return next.kind === 'string' || next.word === '-' || next.word === '+'
          ? this.#interval()
          : undefined;
      case 'exists':
        this.#tokens.take();
        return { kind: 'exists', at, query: this.#tokens.parenthesized(() => this.#query(this.#tokens)) };
      case 'extract':
        return next.word === '(' ? this.#extract() : undefined;
      case 'position':
        return next.word === '(' ? this.#position() : undefined;
      case 'array':
        return next.word === '[' ? this.#array() : undefined;
      case 'row':
        if (next.word !== '(') return undefined;
        this.#tokens.take();
        return { kind: 'row', at, items: this.#tokens.parenthesized(() => this.#expressions()) };
      default:
        if (!bareFunctions.has(word)) return undefined;
        this.#tokens.take();
        if (this.#tokens.accept('(')) this.#tokens.expect(')');
        return plainCall(word, [], at);
    }
  }

  #parenthesis(): SqlExpression {
    const { at } = this.#tokens.peek();
    const lambda = this.#tokens.attempt(() => this.#lambdaParameters());
    if (lambda !== undefined) return this.#lambda(lambda, at);
    if (['select', 'with', 'values'].includes(this.#tokens.peek(1).word)) {
      return { kind: 'subquery', at, query: this.#tokens.parenthesized(() => this.#query(this.#tokens)) };
    }
    const items = this.#tokens.parenthesized(() => this.#expressions());
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'row', at, items };
  }

  #lambdaParameters(): string[] | undefined {
    this.#tokens.expect('(');
    const names: string[] = [];
    while (this.#tokens.isIdentifier()) {
      names.push(this.#tokens.take().text);
      if (!this.#tokens.accept(',')) break;
    }
    return this.#tokens.accept(')') && this.#tokens.is('->') ? names : undefined;
  }

  #lambda(parameters: readonly string[], at: number): SqlExpression {
    this.#tokens.expect('->');
    return { kind: 'lambda', at, parameters, body: this.#nestedExpression() };
  }

  #case(): SqlExpression {
    const { at } = this.#tokens.expect('case');
    const operand = this.#tokens.is('when') ? undefined : this.#nestedExpression();
    const branches: { when: SqlExpression; result: SqlExpression }[] = [];
    while (this.#tokens.accept('when')) {
      const when = this.#nestedExpression();
      this.#tokens.expect('then');
      branches.push({ when, result: this.#nestedExpression() });
    }
    if (branches.length === 0) throw this.#tokens.unexpected("'WHEN'");
    const otherwise = this.#tokens.accept('else') ? this.#nestedExpression() : undefined;
    this.#tokens.expect('end');
    return { kind: 'case', at, operand, branches, otherwise };
  }

  #cast(isTry: boolean): SqlExpression {
    const { at } = this.#tokens.take();
    return this.#tokens.parenthesized(() => {
      const operand = this.#nestedExpression();
      this.#tokens.expect('as');
      return { kind: 'cast', at, operand, type: this.#type(), isTry };
    });
  }

  #type(): SqlTypeText {
    const token = this.#tokens.peek();
    if (token.kind !== 'name') throw this.#tokens.unexpected('<type>');
    this.#tokens.take();
    let name = token.word;
    if (name === 'double') this.#tokens.accept('precision');
    if (name === 'timestamp' && this.#tokens.accept('with', 'time', 'zone'))
      name = 'timestamp with time zone';
    const parameters: SqlTypeText[] = [];
    if (this.#tokens.accept('(')) {
      do {
        const { at, kind, text } = this.#tokens.peek();
        if (kind === 'number') {
          this.#tokens.take();
          parameters.push({ at, name: text, parameters: [] });
        } else {
          parameters.push(this.#tokens.nested(() => this.#type()));
        }
      } while (this.#tokens.accept(','));
      this.#tokens.expect(')');
    }
    return { at: token.at, name, parameters };
  }

  #interval(): SqlExpression {
    const { at } = this.#tokens.expect('interval');
    const isNegative = this.#tokens.accept('-') || (this.#tokens.accept('+') && false);
    const amount = this.#tokens.take();
    const unit = this.#tokens.take();
    const isAmount = amount.kind === 'string' && /^[+-]?\d+$/.test(amount.text.trim());
    if (!isAmount || !/^(second|minute|hour|day|week|month|year)$/.test(unit.word)) {
      throw this.#tokens.unexpected('<interval>');
    }
    return {
      kind: 'interval',
      at,
      amount: String((isNegative ? -1 : 1) * Number(amount.text)),
      unit: unit.word,
    };
  }

  #extract(): SqlExpression {
    const { at } = this.#tokens.expect('extract');
    return this.#tokens.parenthesized(() => {
      const field = this.#tokens.take().word;
      this.#tokens.expect('from');
      return { kind: 'extract', at, field, operand: this.#nestedExpression() };
    });
  }

  #position(): SqlExpression {
    const { at } = this.#tokens.expect('position');
    return this.#tokens.parenthesized(() => {
      const part = this.#concatenation();
      this.#tokens.expect('in');
      return plainCall('strpos', [this.#concatenation(), part], at);
    });
  }

  #array(): SqlExpression {
    const { at } = this.#tokens.expect('array');
    this.#tokens.expect('[');
    const items = this.#tokens.is(']') ? [] : this.#expressions();
    this.#tokens.expect(']');
    return { kind: 'array', at, items };
  }

  /** `pg_catalog.version()` and the like: the schema is kept in the name, so that nothing is guessed. */
  #qualifiedCall(parts: readonly string[], at: number): SqlExpression {
    const list = this.#tokens.parenthesized(() => (this.#tokens.is(')') ? [] : this.#expressions()));
    return plainCall(parts.join('.').toLowerCase(), list, at);
  }

  #call(): SqlCall {
    const { at, word: name } = this.#tokens.take();
    this.#tokens.expect('(');
    const isStar = this.#tokens.accept('*');
    const isDistinct = this.#tokens.accept('distinct') || (this.#tokens.accept('all') && false);
    const list = isStar || this.#tokens.is(')') ? [] : this.#expressions();
    const orderBy = this.#tokens.accept('order', 'by') ? this.#tokens.list(() => this.#sortItem()) : [];
    this.#tokens.expect(')');
    const filter = this.#filter();
    const areNullsIgnored =
      this.#tokens.accept('ignore', 'nulls') || (this.#tokens.accept('respect', 'nulls') && false);
    const over = this.#tokens.accept('over') ? this.#tokens.parenthesized(() => this.#window()) : undefined;
    return {
      kind: 'call',
      at,
      name,
      arguments: list,
      isStar,
      isDistinct,
      orderBy,
      filter,
      areNullsIgnored,
      over,
    };
  }

  #filter(): SqlExpression | undefined {
    if (!this.#tokens.is('filter', '(')) return undefined;
    this.#tokens.take();
    return this.#tokens.parenthesized(() => {
      this.#tokens.expect('where');
      return this.#nestedExpression();
    });
  }

  #sortItem(): SqlSortItem {
    const { at } = this.#tokens.peek();
    const expression = this.#nestedExpression();
    const isDescending = this.#tokens.accept('desc') || (this.#tokens.accept('asc') && false);
    let areNullsFirst: boolean | undefined;
    if (this.#tokens.accept('nulls', 'first')) areNullsFirst = true;
    else if (this.#tokens.accept('nulls', 'last')) areNullsFirst = false;
    return { at, expression, isDescending, areNullsFirst };
  }

  #window(): SqlWindow {
    const partitionBy = this.#tokens.accept('partition', 'by') ? this.#expressions() : [];
    const orderBy = this.#tokens.accept('order', 'by') ? this.#tokens.list(() => this.#sortItem()) : [];
    const unit = this.#tokens.accept('rows') ? 'rows' : this.#tokens.accept('range') ? 'range' : undefined;
    return { partitionBy, orderBy, frame: unit === undefined ? undefined : this.#frame(unit) };
  }

  #frame(unit: 'rows' | 'range'): SqlFrame {
    if (!this.#tokens.accept('between')) return { unit, start: this.#frameBound(), end: undefined };
    const start = this.#frameBound();
    this.#tokens.expect('and');
    return { unit, start, end: this.#frameBound() };
  }

  #frameBound(): string {
    if (this.#tokens.accept('current', 'row')) return 'CURRENT ROW';
    const amount = this.#tokens.accept('unbounded') ? 'UNBOUNDED' : this.#tokens.take().text;
    const side = this.#tokens.take().word;
    if (!/^(UNBOUNDED|\d{1,15})$/.test(amount) || !/^(preceding|following)$/.test(side)) {
      throw this.#tokens.unexpected('<window frame>');
    }
    return `${amount} ${side.toUpperCase()}`;
  }
}
