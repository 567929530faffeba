import { expect, test } from 'vitest';
import { StatementTrace, withoutLiterals } from './statement-trace.ts';

test.each([
  ["SELECT * FROM users WHERE name = 'secret' AND n = 42", 'SELECT * FROM users WHERE name = ? AND n = ?'],
  ["SELECT E'a\\'secret', U&'secret', x'ff', 1.5e3, .5", 'SELECT ?, ?, ?, ?, ?'],
  ['SELECT $$secret$$, $tag$ $$ secret $tag$, $1', 'SELECT ?, ?, $1'],
  ["SELECT 'it''s secret'\n  -- secret\n FROM /* secret */ t1", 'SELECT ? FROM t1'],
  ['SELECT "Column 1" FROM s.t', 'SELECT "Column 1" FROM s.t'],
  ["INSERT INTO t VALUES ('secret that is cut", 'INSERT INTO t VALUES (?'],
  ['SELECT $x$secret that is cut', 'SELECT ?'],
])('shows %j without its literals', (sql, want) => {
  expect(withoutLiterals(sql)).toBe(want);
});

test('shows 80 characters at most, of the start of a long statement', () => {
  const trace = new StatementTrace();
  const bytes = Buffer.from(`SELECT ${'column_name, '.repeat(1000)}`);
  trace.note(bytes, 0, bytes.length);
  expect(trace.text).toHaveLength(80);
});
