import { columnOf, type PgTypeName, type ResultRows } from './column-types.ts';
import { PgError, syntaxError } from './pg-error.ts';
import type { SessionFacts } from './session-facts.ts';
import { versionText } from './settings.ts';
import type { Token } from './statement-lexer.ts';
import { logstoreSchema } from './statement-names.ts';
import { TokenReader } from './token-reader.ts';

interface Value {
  readonly name: string;
  readonly type: PgTypeName;
  readonly text: string | null;
}

type Call = (facts: SessionFacts, parameters: readonly Value[]) => Omit<Value, 'name'>;

const name = (text: string): Omit<Value, 'name'> => ({ type: 'name', text });
const now: Call = (facts) => ({
  type: 'timestamptz',
  text: new Date(facts.nowMs()).toISOString().replace('T', ' ').replace('Z', '+00'),
});

/** Functions that drivers and tools call to find out where they are. */
const functions: Readonly<Record<string, Call>> = {
  version: () => ({ type: 'text', text: versionText }),
  current_schema: () => name(logstoreSchema),
  current_schemas: (_, parameters) => ({
    type: 'nameArray',
    text: parameters[0]?.text === 't' ? `{pg_catalog,${logstoreSchema}}` : `{${logstoreSchema}}`,
  }),
  current_database: (facts) => name(facts.database),
  pg_backend_pid: (facts) => ({ type: 'int4', text: String(facts.processId) }),
  pg_is_in_recovery: () => ({ type: 'bool', text: 'f' }),
  now,
  current_setting: currentSetting,
};

/** Functions that SQL calls without parentheses. */
const keywords: Readonly<Record<string, Call>> = {
  current_catalog: (facts) => name(facts.database),
  current_role: (facts) => name(facts.user),
  current_schema: () => name(logstoreSchema),
  current_timestamp: now,
  current_user: (facts) => name(facts.user),
  session_user: (facts) => name(facts.user),
  user: (facts) => name(facts.user),
};

const castTypes = new Map<string, PgTypeName>([
  ['bigint', 'int8'],
  ['bool', 'bool'],
  ['boolean', 'bool'],
  ['character varying', 'varchar'],
  ['double precision', 'float8'],
  ['float8', 'float8'],
  ['int', 'int4'],
  ['int2', 'int2'],
  ['int4', 'int4'],
  ['int8', 'int8'],
  ['integer', 'int4'],
  ['name', 'name'],
  ['numeric', 'numeric'],
  ['oid', 'oid'],
  ['text', 'text'],
  ['varchar', 'varchar'],
]);

/** Runs a SELECT without FROM: constants and the functions above, each with an optional cast and alias. */
export function selectConstants(tokens: readonly Token[], facts: SessionFacts): ResultRows {
  const reader = new ConstantReader(tokens, facts);
  const values = reader.list();
  return {
    columns: values.map((value) => columnOf(value.name, value.type)),
    rows: [values.map((value) => value.text)],
  };
}

function currentSetting(facts: SessionFacts, parameters: readonly Value[]): Omit<Value, 'name'> {
  const [setting, isOptional] = parameters;
  try {
    return { type: 'text', text: facts.settings.get(setting?.text ?? '').value };
  } catch (error) {
    if (isOptional?.text === 't') return { type: 'text', text: null };
    throw error;
  }
}

class ConstantReader {
  readonly #reader: TokenReader;
  readonly #facts: SessionFacts;
  #depth = 0;

  constructor(tokens: readonly Token[], facts: SessionFacts) {
    // The first token is SELECT.
    this.#reader = new TokenReader(tokens, 1);
    this.#facts = facts;
  }

  list(): Value[] {
    const values: Value[] = [];
    do values.push(this.#aliased());
    while (this.#reader.takeSymbol(','));
    const rest = this.#reader.peek();
    if (rest !== undefined) throw this.#unsupported(rest);
    return values;
  }

  #aliased(): Value {
    const value = this.#cast();
    const hasAs = this.#reader.takeWords('as');
    const alias = this.#reader.peek();
    const isAlias =
      alias?.kind === 'name' ||
      (alias?.kind === 'word' && (hasAs || !/^(from|where|limit|order|union)$/.test(alias.text)));
    if (!isAlias) {
      if (hasAs) throw syntaxError(alias);
      return value;
    }
    return { ...value, name: this.#reader.next().text };
  }

  #cast(): Value {
    let value = this.#primary();
    while (this.#reader.takeSymbol('::')) value = this.#castTo(value);
    return value;
  }

  #castTo(value: Value): Value {
    const words: string[] = [];
    while (this.#reader.peek()?.kind === 'word' && !this.#reader.isWord('as')) {
      words.push(this.#reader.next().text);
      if (castTypes.has(words.join(' '))) break;
    }
    const type = castTypes.get(words.join(' '));
    if (type === undefined) throw this.#unsupported(this.#reader.peek(-1));
    if (this.#reader.takeSymbol('(')) {
      const length = this.#reader.next();
      if (length.kind !== 'number') throw syntaxError(length);
      this.#reader.expectSymbol(')');
    }
    if (/^int[248]$|^oid$/.test(type) && value.text !== null && !/^\s*[-+]?\d+\s*$/.test(value.text)) {
      throw new PgError('22P02', `invalid input syntax for type ${words.join(' ')}: "${value.text}"`);
    }
    // PostgreSQL names a cast constant after its type and leaves other names alone.
    return { name: value.name === '?column?' ? type : value.name, type, text: value.text };
  }

  #primary(): Value {
    const token = this.#reader.next();
    if (token.kind === 'number') return numberOf(token.text);
    if (token.kind === 'string') return { name: '?column?', type: 'text', text: token.text };
    if (token.kind === 'symbol' && (token.text === '-' || token.text === '+')) {
      const digits = this.#reader.peek();
      if (digits?.kind !== 'number') throw this.#unsupported(token);
      this.#reader.next();
      return numberOf(token.text === '-' ? `-${digits.text}` : digits.text);
    }
    if (token.kind === 'symbol' && token.text === '(') return this.#nested();
    if (token.kind !== 'word') throw this.#unsupported(token);
    return this.#wordValue(token);
  }

  #nested(): Value {
    this.#depth += 1;
    if (this.#depth > 100) throw new PgError('54001', 'stack depth limit exceeded');
    const value = this.#cast();
    this.#reader.expectSymbol(')');
    this.#depth -= 1;
    return value;
  }

  #wordValue(token: Token): Value {
    if (token.text === 'null') return { name: '?column?', type: 'text', text: null };
    if (token.text === 'true' || token.text === 'false') {
      return { name: 'bool', type: 'bool', text: token.text.charAt(0) };
    }
    if (token.text === 'cast' && this.#reader.takeSymbol('(')) {
      const value = this.#cast();
      if (!this.#reader.takeWords('as')) throw syntaxError(this.#reader.peek());
      const cast = this.#castTo(value);
      this.#reader.expectSymbol(')');
      return cast;
    }
    let called = token;
    if (token.text === 'pg_catalog' && this.#reader.takeSymbol('.')) {
      called = this.#reader.next();
    }
    if (!this.#reader.takeSymbol('(')) return this.#call(called, keywords, []);
    const parameters: Value[] = [];
    if (!this.#reader.takeSymbol(')')) {
      this.#depth += 1;
      if (this.#depth > 100) throw new PgError('54001', 'stack depth limit exceeded');
      do parameters.push(this.#cast());
      while (this.#reader.takeSymbol(','));
      this.#depth -= 1;
      this.#reader.expectSymbol(')');
    }
    return this.#call(called, functions, parameters);
  }

  #call(token: Token, table: Readonly<Record<string, Call>>, parameters: readonly Value[]): Value {
    const call = Object.hasOwn(table, token.text) ? table[token.text] : undefined;
    if (call === undefined) throw this.#unsupported(token);
    return { name: token.text, ...call(this.#facts, parameters) };
  }

  #unsupported(token: Token | undefined): PgError {
    return new PgError('0A000', 'a SELECT without FROM may only hold constants and session functions', {
      ...(token === undefined ? {} : { detail: `"${token.source}" is not one of them.`, at: token.start }),
    });
  }
}

function numberOf(text: string): Value {
  if (!/^-?\d{1,20}$/.test(text)) return { name: '?column?', type: 'numeric', text };
  const size = BigInt(text);
  const type = fits(size, 31n) ? 'int4' : fits(size, 63n) ? 'int8' : 'numeric';
  return { name: '?column?', type, text: size.toString() };
}

function fits(value: bigint, bits: bigint): boolean {
  return value >= -(1n << bits) && value < 1n << bits;
}
