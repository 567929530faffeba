import { checkFunctions } from './testing.ts';

checkFunctions(
  [
    ['array[1, 2, 3]', '[1,2,3]'],
    ["array['a', null]", '["a",null]'],
    ['array[1.5, 1e10]', '[1.5,1.0E10]'],
    ['array[1, 2][2]', '2'],
    ['cardinality(array[1, 2])', '2'],
    ["cardinality(map(array['a'], array[1]))", '1'],
    ['contains(array[1, 2], 2)', 'true'],
    ['element_at(array[1, 2], 5)', null],
    ["element_at(map(array['a'], array[1]), 'b')", null],
    ["map(array['a', 'b'], array[1, 2])", '{"a":1,"b":2}'],
    ["map(array['a', 'b'], array[1, 2])['b']", '2'],
    ["map_keys(map(array['a', 'b'], array[1, 2]))", '["a","b"]'],
    ["map_values(map(array['a', 'b'], array[1, 2]))", '[1,2]'],
    ["array_join(array['a', null, 'b'], ',')", 'a,b'],
    ["array_join(array['a', null, 'b'], ',', '-')", 'a,-,b'],
    ['array_max(array[1, 3, 2])', '3'],
    ['array_position(array[1, 3], 3)', '2'],
    ['array_position(array[1, 3], 9)', '0'],
    ['array_sort(array[3, 1, 2])', '[1,2,3]'],
    ['array[1] || array[2]', '[1,2]'],
    ['sequence(1, 5, 2)', '[1,3,5]'],
    ['slice(array[1, 2, 3, 4], 2, 2)', '[2,3]'],
  ],
  [
    ["array[1, 'a']", 'All ARRAY elements must be the same type: bigint, varchar'],
    ['cardinality(5)', 'Unexpected parameters (bigint) for function cardinality'],
    ["'abc'[1]", "'[]' cannot be applied to varchar, bigint"],
    ['transform(array[1], x -> x + 1)', 'Function transform not registered'],
  ],
);
