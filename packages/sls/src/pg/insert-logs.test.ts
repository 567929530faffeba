import { describe, expect, it } from 'vitest';
import { logGroupsOf } from './insert-logs.ts';
import { parseStatements } from './statement.ts';

const context = { nowMs: 1_700_000_000_123, source: '10.0.0.7' };

function groups(sql: string): ReturnType<typeof logGroupsOf> {
  const statement = parseStatements(sql)[0];
  if (statement?.kind !== 'insert') throw new Error('not an INSERT');
  return logGroupsOf(statement, context);
}

describe('the logs of an INSERT', () => {
  it('carry the server time and the client address, and leave NULL fields out', () => {
    expect(groups(`INSERT INTO a ("id", "error", "n") VALUES ('1', NULL, 5), ('2', '', 6)`)).toEqual([
      {
        topic: '',
        source: '10.0.0.7',
        tags: [],
        logs: [
          {
            time: 1_700_000_000,
            timeNs: 123_000_000,
            contents: [
              ['id', '1'],
              ['n', '5'],
            ],
          },
          {
            time: 1_700_000_000,
            timeNs: 123_000_000,
            contents: [
              ['id', '2'],
              ['error', ''],
              ['n', '6'],
            ],
          },
        ],
      },
    ]);
  });

  it('take time, topic, source and tags from columns of that name', () => {
    const sql = `INSERT INTO a ("__time__", "__topic__", "__source__", "__tag__:host", "k")
      VALUES (1600000000, 't', 's', 'h', 'v')`;
    expect(groups(sql)).toEqual([
      {
        topic: 't',
        source: 's',
        tags: [['host', 'h']],
        logs: [{ time: 1_600_000_000, timeNs: 0, contents: [['k', 'v']] }],
      },
    ]);
  });

  it('are one group per topic, source and tags', () => {
    const sql = `INSERT INTO a (k, __topic__) VALUES ('1', 'x'), ('2', 'y'), ('3', 'x')`;
    expect(groups(sql).map((group) => [group.topic, group.logs.map((log) => log.contents[0]?.[1])])).toEqual([
      ['x', ['1', '3']],
      ['y', ['2']],
    ]);
  });

  it.each([
    ["'abc'", '22P02'],
    ['-1', '22P02'],
    ['4294967296', '22003'],
  ])('refuse %s as __time__', (value, sqlstate) => {
    expect(() => groups(`INSERT INTO a (__time__) VALUES (${value})`)).toThrow(
      expect.objectContaining({ sqlstate }),
    );
  });
});
