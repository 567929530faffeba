import { describe, expect, it } from 'vitest';
import { PgError } from './pg-error.ts';
import { parseStatements, type Statement } from './statement.ts';

function one(text: string): Statement {
  const [statement, ...more] = parseStatements(text);
  if (statement === undefined || more.length > 0) throw new Error('expected one statement');
  return statement;
}

function failure(text: string): PgError {
  try {
    parseStatements(text);
  } catch (error) {
    if (error instanceof PgError) return error;
    throw error;
  }
  throw new Error(`no error for ${text}`);
}

describe('a query text', () => {
  it('may hold several statements, empty ones and comments', () => {
    const kinds = parseStatements(" ; SELECT 1;; BEGIN; -- ';'\n INSERT INTO a (b) VALUES (';');").map(
      (s) => s.kind,
    );
    expect(kinds).toEqual(['select', 'transaction', 'insert']);
  });

  it('holds no statement when it is empty', () => {
    expect(parseStatements(' ; -- nothing\n')).toEqual([]);
  });

  it('is refused as a whole when any of it is malformed', () => {
    expect(failure("INSERT INTO a (b) VALUES ('1'); selec 1")).toMatchObject({
      sqlstate: '42601',
      message: 'syntax error at or near "selec"',
    });
  });
});

describe('INSERT', () => {
  it('keeps the spelling of quoted names and the order of values', () => {
    expect(one(`INSERT INTO "Logs" ("a", "B", c) VALUES ('x', NULL, 12)`)).toMatchObject({
      kind: 'insert',
      table: { schema: undefined, name: 'Logs' },
      columns: ['a', 'B', 'c'],
      rows: [['x', null, '12']],
    });
  });

  it('accepts several rows, signs, booleans, DEFAULT and casts', () => {
    const statement = one(
      "insert into public.logs as l (a, b) values (-1.5, true), (DEFAULT, '7'::bigint), ('x'::varchar(20)::text, +3);",
    );
    expect(statement).toMatchObject({
      table: { schema: 'public', name: 'logs' },
      rows: [
        ['-1.5', 'true'],
        [null, '7'],
        ['x', '3'],
      ],
    });
  });

  it('accepts values in parentheses, as JDBC sends them', () => {
    expect(one("INSERT INTO a (b, c, d) VALUES (('it''s'), ('-5'::int8), ((NULL)))")).toMatchObject({
      rows: [["it's", '-5', null]],
    });
    expect(failure(`INSERT INTO a (b) VALUES (${'('.repeat(100_000)}1`)).toMatchObject({ sqlstate: '54001' });
  });

  // Texts and codes are those of PostgreSQL 15 where it refuses the same statement.
  it.each([
    ['INSERT INTO a (b) VALUES (1, 2)', '42601', 'INSERT has more expressions than target columns'],
    ['INSERT INTO a (b, c) VALUES (1)', '42601', 'INSERT has more target columns than expressions'],
    ['INSERT INTO a (b, b) VALUES (1, 2)', '42701', 'column "b" specified more than once'],
    ['INSERT INTO a (b) VALUES (1', '42601', 'syntax error at end of input'],
    ['INSERT INTO a (b) VALUES (1) x', '42601', 'syntax error at or near "x"'],
    ['INSERT a (b) VALUES (1)', '42601', 'syntax error at or near "a"'],
    ['INSERT INTO a VALUES (1)', '42601', 'INSERT needs a list of column names'],
    ['INSERT INTO a (b) VALUES (now())', '0A000', 'INSERT accepts constants only'],
    ['INSERT INTO a (b) VALUES (1 + 1)', '0A000', 'INSERT accepts constants only'],
    ['INSERT INTO a (b) SELECT 1', '0A000', 'INSERT … SELECT is not supported'],
    ['INSERT INTO a (b) VALUES (1) RETURNING b', '0A000', 'INSERT … RETURNING is not supported'],
    ['INSERT INTO a (b) VALUES (1) ON CONFLICT DO NOTHING', '0A000', 'INSERT … ON CONFLICT is not supported'],
    ['INSERT INTO a (b) VALUES ($1)', '42P02', 'there is no parameter $1'],
  ])('refuses %s', (text, sqlstate, message) => {
    expect(failure(text)).toMatchObject({ sqlstate, message });
  });

  it('has a bound on its rows', () => {
    const rows = Array.from({ length: 10_001 }, () => '(1)').join(',');
    expect(failure(`INSERT INTO a (b) VALUES ${rows}`)).toMatchObject({ sqlstate: '54000' });
  });
});

describe('transaction control', () => {
  it.each([
    ['BEGIN', 'BEGIN', 'begin'],
    ['begin isolation level serializable', 'BEGIN', 'begin'],
    ['START TRANSACTION READ ONLY', 'START TRANSACTION', 'begin'],
    ['COMMIT', 'COMMIT', 'end'],
    ['END', 'COMMIT', 'end'],
    ['ROLLBACK', 'ROLLBACK', 'end'],
    ['ABORT', 'ROLLBACK', 'end'],
    ['SAVEPOINT "a"', 'SAVEPOINT', 'inside'],
    ['RELEASE SAVEPOINT a', 'RELEASE', 'inside'],
    ['ROLLBACK TO SAVEPOINT a', 'ROLLBACK', 'inside'],
    ['ROLLBACK WORK TO a', 'ROLLBACK', 'inside'],
  ])('%s is answered %s', (text, tag, effect) => {
    expect(one(text)).toEqual({ kind: 'transaction', tag, effect });
  });

  it('refuses two-phase commit', () => {
    expect(failure("COMMIT PREPARED 'x'")).toMatchObject({ sqlstate: '0A000' });
  });
});

describe('SET, RESET, SHOW and DISCARD', () => {
  it.each([
    ["SET application_name = 'a b'", { kind: 'set', name: 'application_name', value: 'a b' }],
    ['SET LOCAL statement_timeout TO 100', { kind: 'set', name: 'statement_timeout', value: '100' }],
    ['SET SESSION search_path TO a, b', { kind: 'set', name: 'search_path', value: 'a, b' }],
    ['SET extra_float_digits = -1', { kind: 'set', name: 'extra_float_digits', value: '-1' }],
    ['SET DateStyle TO DEFAULT', { kind: 'set', name: 'datestyle', value: undefined }],
    ["SET NAMES 'UTF8'", { kind: 'set', name: 'client_encoding', value: 'UTF8' }],
    ["SET TIME ZONE 'UTC'", { kind: 'set', name: 'timezone', value: 'UTC' }],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', { kind: 'ignored', tag: 'SET' }],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', { kind: 'ignored', tag: 'SET' }],
    ['SET my.own = 1', { kind: 'set', name: 'my.own', value: '1' }],
    ['show transaction isolation level', { kind: 'show', name: 'transaction_isolation' }],
    ['show standard_conforming_strings', { kind: 'show', name: 'standard_conforming_strings' }],
    ['SHOW ALL', { kind: 'show', name: undefined }],
    ['SHOW constructor', { kind: 'show', name: 'constructor' }],
    ['RESET ALL', { kind: 'reset', name: undefined, tag: 'RESET' }],
    ['RESET application_name', { kind: 'reset', name: 'application_name', tag: 'RESET' }],
    ['DISCARD ALL', { kind: 'reset', name: undefined, tag: 'DISCARD ALL' }],
    ['DISCARD PLANS', { kind: 'ignored', tag: 'DISCARD PLANS' }],
    ['DEALLOCATE ALL', { kind: 'ignored', tag: 'DEALLOCATE ALL' }],
  ])('%s', (text, expected) => {
    expect(one(text)).toEqual(expected);
  });

  it.each(['SET', 'SET a', 'SET a =', 'SHOW', 'SHOW a b', 'DISCARD x'])('refuses %s', (text) => {
    expect(failure(text)).toMatchObject({ sqlstate: '42601' });
  });
});

describe('what the interface does not run', () => {
  it.each([
    ['CREATE TABLE a (b text)', 'CREATE TABLE is not supported over the PostgreSQL protocol'],
    ['DROP TABLE a', 'DROP TABLE is not supported over the PostgreSQL protocol'],
    ['UPDATE a SET b = 1', 'UPDATE is not supported over the PostgreSQL protocol'],
    ['DELETE FROM a', 'DELETE is not supported over the PostgreSQL protocol'],
    ['COPY a FROM STDIN', 'COPY is not supported over the PostgreSQL protocol'],
    ['LISTEN a', 'LISTEN is not supported over the PostgreSQL protocol'],
    ['PREPARE a AS SELECT 1', 'PREPARE is not supported over the PostgreSQL protocol'],
    ['EXPLAIN SELECT 1', 'EXPLAIN is not supported over the PostgreSQL protocol'],
    ['WITH x AS (SELECT 1) DELETE FROM a', 'WITH … DELETE is not supported over the PostgreSQL protocol'],
  ])('names %s', (text, message) => {
    const statement = one(text);
    expect(statement.kind === 'refused' && statement.error).toMatchObject({ sqlstate: '0A000', message });
  });

  it('tells unknown words from known statements', () => {
    expect(failure('constructor 1')).toMatchObject({ sqlstate: '42601' });
    expect(failure("'a'")).toMatchObject({ sqlstate: '42601' });
  });
});
