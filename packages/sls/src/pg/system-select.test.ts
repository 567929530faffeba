import { describe, expect, it } from 'vitest';
import type { SessionFacts } from './session-facts.ts';
import { createSettings } from './settings.ts';
import { parseStatements } from './statement.ts';
import { selectSystem } from './system-select.ts';
import { testCatalog } from './testing.ts';

const facts: SessionFacts = {
  catalog: testCatalog,
  user: 'LTAI',
  database: 'dify',
  processId: 1,
  settings: createSettings({}),
  nowMs: () => 0,
};

function run(sql: string): ReturnType<typeof selectSystem> {
  const statement = parseStatements(sql)[0];
  if (statement?.kind !== 'select') throw new Error('not a SELECT');
  return selectSystem(statement.tokens, facts);
}

const rows = (sql: string): unknown[] => run(sql).rows.map((row) => [...row]);

describe('the system tables', () => {
  it('answer the search for the hstore type with no row and the right columns', () => {
    const result = run(
      "SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname = 'hstore'",
    );
    expect(result.columns.map((column) => [column.name, column.typeOid])).toEqual([
      ['oid', 26],
      ['typarray', 26],
    ]);
    expect(result.rows).toEqual([]);
  });

  it('tell whether a table exists, as ORMs ask', () => {
    const ask = (name: string): string => `SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class
      JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace
      WHERE pg_catalog.pg_class.relname = '${name}'
      AND pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm'])
      AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid)
      AND pg_catalog.pg_namespace.nspname != 'pg_catalog'`;
    expect(rows(ask('workflow_execution'))).toEqual([['workflow_execution']]);
    expect(rows(ask('nothing'))).toEqual([]);
  });

  it('list logstores as tables with their indexed columns', () => {
    expect(
      rows('SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY 2 DESC'),
    ).toEqual([
      ['public', 'workflow_node_execution', 'BASE TABLE'],
      ['public', 'workflow_execution', 'BASE TABLE'],
    ]);
    expect(
      rows(`SELECT column_name, data_type FROM information_schema.columns
        WHERE table_name = 'workflow_execution' ORDER BY ordinal_position`),
    ).toEqual([
      ['__time__', 'bigint'],
      ['id', 'character varying'],
      ['total_tokens', 'bigint'],
      ['elapsed_time', 'double precision'],
    ]);
  });

  it('understand CASE, IN, LIKE, IS NULL, left joins, DISTINCT, LIMIT and COUNT', () => {
    expect(
      rows(`SELECT DISTINCT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'r' THEN 'table' END AS "Type", am.amname
        FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam
        WHERE c.relkind IN ('r', 'p', '') AND c.relname NOT LIKE 'pg/_%' ESCAPE '/' AND am.oid IS NULL LIMIT 5`),
    ).toEqual([['table', null]]);
    expect(rows("SELECT COUNT(*) FROM pg_tables WHERE tablename LIKE 'workflow\\_%'")).toEqual([['2']]);
    expect(
      rows("SELECT relname FROM pg_class WHERE relname OPERATOR(pg_catalog.~) '^(workflow_execution)$'"),
    ).toEqual([['workflow_execution']]);
  });

  it.each([
    'SELECT reltoastrelid FROM pg_class',
    'SELECT (SELECT 1 FROM pg_am) FROM pg_class',
    'SELECT relname FROM pg_class GROUP BY relname',
    'SELECT * FROM pg_stat_activity',
    "SELECT relname FROM pg_class WHERE relname ~ '(a+)+$'",
    "SELECT 'x'::regclass FROM pg_class",
    'SELECT relname FROM pg_class UNION SELECT 1 FROM pg_am',
  ])('refuse what they cannot answer: %s', (sql) => {
    expect(() => run(sql)).toThrow(expect.objectContaining({ sqlstate: '0A000' }));
  });

  it('bound the combinations of a join', () => {
    const sql = `SELECT COUNT(*) FROM ${Array.from({ length: 12 }, (_, at) => `pg_type t${at}`).join(', ')}`;
    expect(() => run(sql)).toThrow(expect.objectContaining({ sqlstate: '54001' }));
  });
});
