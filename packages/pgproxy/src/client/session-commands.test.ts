import { expect, test } from 'vitest';
import { forgetsStatements } from './session-commands.ts';

test.each([
  ['DEALLOCATE ALL', 'all'],
  [' deallocate prepare all ; ', 'all'],
  ['/* tidy */ -- up\nDISCARD ALL', 'all'],
  ['DEALLOCATE s1', { name: 's1' }],
  ['DEALLOCATE PREPARE "S ""1"', { name: 'S "1' }],
  ['deallocate S1', { name: 's1' }],
  ['DISCARD PLANS', undefined],
  ['DELETE FROM t', undefined],
  ['SELECT 1; DEALLOCATE ALL', undefined],
])('what %j forgets is seen', (sql, want) => {
  expect(forgetsStatements(sql)).toEqual(want);
});
