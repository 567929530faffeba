import { checkFunctions } from './testing.ts';

checkFunctions(
  [
    ['approx_distinct(a)', '1000'],
    ['approx_distinct(a % 7, 0.01)', '7'],
    ['approx_percentile(a, 0.5)', '500'],
    ['approx_percentile(cast(a as double), 0.99)', '990.0'],
    ['approx_percentile(a, array[0.1, 0.9])', '[100,900]'],
  ],
  [
    ["approx_percentile('a', 0.5)", 'Unexpected parameters (varchar, double) for function approx_percentile'],
    ['numeric_histogram(10, a)', 'Function numeric_histogram not registered'],
  ],
  { from: 'unnest(sequence(1, 1000)) t(a)' },
);
