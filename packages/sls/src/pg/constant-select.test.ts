import { describe, expect, it } from 'vitest';
import { selectConstants } from './constant-select.ts';
import { PgError } from './pg-error.ts';
import type { SessionFacts } from './session-facts.ts';
import { createSettings } from './settings.ts';
import { parseStatements } from './statement.ts';
import { testCatalog } from './testing.ts';

const facts: SessionFacts = {
  catalog: testCatalog,
  user: 'LTAI',
  database: 'dify',
  processId: 1234,
  settings: createSettings({}),
  nowMs: () => 1_700_000_000_123,
};

function run(sql: string): { columns: [string, number][]; row: readonly (string | null)[] | undefined } {
  const statement = parseStatements(sql)[0];
  if (statement?.kind !== 'select') throw new Error('not a SELECT');
  const result = selectConstants(statement.tokens, facts);
  return { columns: result.columns.map((column) => [column.name, column.typeOid]), row: result.rows[0] };
}

// Column names and type OIDs as PostgreSQL 15 reports them.
describe('a SELECT without FROM', () => {
  it.each<[string, [string, number][], (string | null)[]]>([
    ['SELECT 1', [['?column?', 23]], ['1']],
    [
      "select 'a''b' as \"X\", NULL, true, -2.5",
      [
        ['X', 25],
        ['?column?', 25],
        ['bool', 16],
        ['?column?', 1700],
      ],
      ["a'b", null, 't', '-2.5'],
    ],
    ['SELECT 3000000000', [['?column?', 20]], ['3000000000']],
    [
      "SELECT 1::bigint, CAST('x' AS VARCHAR(60)) AS anon_1",
      [
        ['int8', 20],
        ['anon_1', 1043],
      ],
      ['1', 'x'],
    ],
    ['select current_schema()', [['current_schema', 19]], ['public']],
    [
      'select current_database(), current_user, session_user, user',
      [
        ['current_database', 19],
        ['current_user', 19],
        ['session_user', 19],
        ['user', 19],
      ],
      ['dify', 'LTAI', 'LTAI', 'LTAI'],
    ],
    ['select pg_backend_pid() p', [['p', 23]], ['1234']],
    ["select current_setting('server_version')", [['current_setting', 25]], ['14.0']],
    ["select current_setting('nothing', true)", [['current_setting', 25]], [null]],
    ['select now()', [['now', 1184]], ['2023-11-14 22:13:20.123+00']],
    ['select current_schemas(true)', [['current_schemas', 1003]], ['{pg_catalog,public}']],
  ])('%s', (sql, columns, row) => {
    expect(run(sql)).toEqual({ columns, row });
  });

  it('tells a version that SQLAlchemy can read', () => {
    const { row } = run('select pg_catalog.version()');
    expect(row?.[0]).toMatch(/^PostgreSQL (\d+)\.(\d+)/);
  });

  it.each([
    ['SELECT 1 + 1', '0A000'],
    ['SELECT nothing()', '0A000'],
    ['SELECT constructor()', '0A000'],
    ["SELECT 'a'::constructor", '0A000'],
    ["SELECT 'abc'::int", '22P02'],
    ['SELECT', '42601'],
    ["SELECT current_setting('nothing')", '42704'],
    [`SELECT ${'('.repeat(5_000)}1`, '54001'],
  ])('refuses %s', (sql, sqlstate) => {
    expect(() => run(sql)).toThrow(PgError);
    expect(() => run(sql)).toThrow(expect.objectContaining({ sqlstate }));
  });
});
