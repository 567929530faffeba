import { describe, expect, it } from 'vitest';
import { selectRelations } from './select-relations.ts';
import { parseStatements } from './statement.ts';
import { relationText } from './statement-names.ts';

function relations(sql: string): string[] {
  const statement = parseStatements(sql)[0];
  if (statement?.kind !== 'select') throw new Error('not a SELECT');
  return selectRelations(statement.tokens).map(relationText);
}

describe('the relations of a SELECT', () => {
  it.each([
    ['SELECT 1', []],
    ['SELECT * FROM a', ['a']],
    ['SELECT * FROM "A" AS x WHERE b = 1', ['A']],
    ['SELECT * FROM public.a, b JOIN c ON a.x = c.x LEFT JOIN d USING (x)', ['public.a', 'b', 'c', 'd']],
    [
      'SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY v DESC) AS rn FROM a) t WHERE rn = 1',
      ['a'],
    ],
    ['SELECT EXTRACT(year FROM x), TRIM(both FROM y) FROM a', ['a']],
    ['SELECT a IS DISTINCT FROM b FROM c', ['c']],
    ['SELECT COUNT(DISTINCT id), (SELECT MAX(x) FROM b) FROM a', ['b', 'a']],
    ['SELECT * FROM a WHERE x IN (SELECT x FROM b) ORDER BY y, z', ['a', 'b']],
    ['WITH x AS (SELECT * FROM a), y (k) AS (SELECT 1 FROM x) SELECT * FROM x, y', ['a']],
    ['SELECT * FROM a, UNNEST(b) AS t(c)', ['a']],
    ['SELECT 1 FROM a UNION ALL SELECT 2 FROM b', ['a', 'b']],
    ['SELECT * FROM (a JOIN b ON a.x = b.x)', ['a', 'b']],
    ['(SELECT 1 FROM a)', ['a']],
    ['SELECT * FROM db.public.a', ['public.a']],
  ])('%s', (sql, expected) => {
    expect(relations(sql)).toEqual(expected);
  });

  it.each([
    ['SELECT FROM WHERE', 'syntax error at or near "WHERE"'],
    ['SELECT 1 FROM', 'syntax error at end of input'],
    ['SELECT 1 FROM a, ORDER BY 1', 'syntax error at or near "ORDER"'],
  ])('are missed in %s', (sql, message) => {
    expect(() => relations(sql)).toThrow(expect.objectContaining({ sqlstate: '42601', message }));
  });

  it('takes linear time on hostile text', () => {
    const sql = `WITH ${'a (b, '.repeat(20_000)} SELECT 1`;
    const startMs = performance.now();
    relations(sql);
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });
});
