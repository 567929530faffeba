import { describe } from 'vitest';
import { checkFunctions, type Value } from './testing.ts';

const rows = "(values ('a', 1), ('a', 2), ('a', 2), ('b', 5)) t(k, v)";
const sorted = (expression: string, expected: string): Value => [
  `(select array_agg(w order by w) from (select ${expression} as w from ${rows}) u)`,
  expected,
];

describe('window functions', () => {
  checkFunctions(
    [
      sorted('row_number() over (partition by k order by v desc)', '[1,1,2,3]'),
      sorted('rank() over (partition by k order by v desc)', '[1,1,1,3]'),
      sorted('dense_rank() over (partition by k order by v desc)', '[1,1,1,2]'),
      sorted('lag(v, 1, -1) over (partition by k order by v)', '[-1,-1,1,2]'),
      sorted('sum(v) over (order by v rows between unbounded preceding and current row)', '[1,3,5,10]'),
      sorted('count(*) over ()', '[4,4,4,4]'),
      sorted('first_value(v) over (partition by k order by v)', '[1,1,1,5]'),
      sorted('ntile(2) over (order by v)', '[1,1,2,2]'),
    ],
    [
      ['row_number()', 'Window function row_number requires an OVER clause'],
      ["lower('a') over ()", 'Function lower is not a window function'],
    ],
  );
});
