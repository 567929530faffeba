import { checkFunctions } from './testing.ts';

checkFunctions(
  [
    ["if(1 < 2, 'yes', 'no')", 'yes'],
    ["if(1 > 2, 'yes')", null],
    ["if(null, 'yes', 'no')", 'no'],
    ["coalesce(null, null, 'c')", 'c'],
    ["nullif('a', 'a')", null],
    ["nullif('a', 'b')", 'a'],
    ['greatest(1, 5, 3)', '5'],
    ['greatest(1, null)', null],
    ["least('b', 'a')", 'a'],
    ['try(1 / 0)', null],
    ["try(cast('x' as bigint))", null],
    ["try(json_parse('{'))", null],
    ['coalesce(try(5 / 0), -1)', '-1'],
    ["case when 1 = 2 then 'a' when 1 = 1 then 'b' else 'c' end", 'b'],
    ["case 3 when 1 then 'a' end", null],
    ["case x when 1 then 'one' else 'other' end", 'one'],
    ["typeof('a')", 'varchar'],
  ],
  [
    ["if('a', 1, 2)", 'Unexpected parameters (varchar, bigint, bigint) for function if'],
    ["case when 1 = 1 then 1 else 'a' end", 'All CASE results must be the same type: bigint, varchar'],
    ['coalesce()', 'Unexpected parameters () for function coalesce'],
  ],
);
