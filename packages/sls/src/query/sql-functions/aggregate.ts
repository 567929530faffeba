import { arrayOf, bigint, boolean, double, mapOf, type SqlType, unknown } from '../sql-type.ts';
import { aggregate, type Bound, type FunctionFamily, numberLikeFirst, sameAsFirst } from './function-spec.ts';

const ofFirst = (bound: readonly Bound[]): SqlType => arrayOf(bound[0]?.type ?? unknown);

function extreme(engineName: 'min' | 'max'): FunctionFamily[string] {
  return aggregate(
    'any, bigint?',
    (bound) => (bound.length > 1 ? ofFirst(bound) : sameAsFirst(bound)),
    (values, _bound, { call }) => call(engineName, values.join(', ')),
  );
}

function extremeBy(engineName: 'arg_min' | 'arg_max'): FunctionFamily[string] {
  return aggregate(
    'any, any, bigint?',
    (bound) => (bound.length > 2 ? ofFirst(bound) : sameAsFirst(bound)),
    (values, _bound, { call }) => call(engineName, values.join(', ')),
  );
}

/** A fold that reads booleans or numbers and keeps its argument's type of number. */
function statistic(engineName: string): FunctionFamily[string] {
  return aggregate('number', double, ([x = ''], _bound, { call }) =>
    call(engineName, `CAST(${x} AS DOUBLE)`),
  );
}

function statisticOfTwo(engineName: string): FunctionFamily[string] {
  return aggregate('number, number', double, (values, _bound, { call }) =>
    call(engineName, values.join(', ')),
  );
}

function ofOne(
  parameter: string,
  type: SqlType | ((bound: readonly Bound[]) => SqlType),
  engineName: string,
): FunctionFamily[string] {
  return aggregate(parameter, type, ([x = ''], _bound, { call }) => call(engineName, x));
}

/** General aggregates. `sum` of integers is narrowed again, because the engine widens it to 128 bits. */
export const aggregateFunctions: FunctionFamily = {
  count: aggregate('any?', bigint, ([x = '*'], _bound, { call }) => call('count', x)),
  count_if: aggregate('boolean', bigint, ([x = ''], _bound, { call }) =>
    call('count', `CASE WHEN ${x} THEN 1 END`),
  ),
  sum: aggregate('number', numberLikeFirst, ([x = ''], bound, { call }) => {
    const type = numberLikeFirst(bound).name === 'bigint' ? 'BIGINT' : 'DOUBLE';
    return `CAST(${call('sum', x)} AS ${type})`;
  }),
  avg: aggregate('number', double, ([x = ''], _bound, { call }) => call('avg', x)),
  min: extreme('min'),
  max: extreme('max'),
  min_by: extremeBy('arg_min'),
  max_by: extremeBy('arg_max'),
  arbitrary: ofOne('any', sameAsFirst, 'any_value'),
  any_value: ofOne('any', sameAsFirst, 'any_value'),
  array_agg: ofOne('any', ofFirst, 'list'),
  bool_and: ofOne('boolean', boolean, 'bool_and'),
  bool_or: ofOne('boolean', boolean, 'bool_or'),
  every: ofOne('boolean', boolean, 'bool_and'),
  geometric_mean: aggregate(
    'number',
    double,
    ([x = ''], _bound, { call }) => `exp(${call('avg', `ln(${x})`)})`,
  ),
  bitwise_and_agg: ofOne('bigint', bigint, 'bit_and'),
  bitwise_or_agg: ofOne('bigint', bigint, 'bit_or'),
  histogram: ofOne('any', (bound) => mapOf(bound[0]?.type ?? unknown, bigint), 'histogram'),
  map_agg: aggregate(
    'any, any',
    (bound) => mapOf(bound[0]?.type ?? unknown, bound[1]?.type ?? unknown),
    ([k = '', v = ''], _bound, { call }) =>
      `map_from_entries(list_distinct(${call('list', `ROW(${k}, ${v})`)}))`,
  ),
  stddev: statistic('stddev_samp'),
  stddev_samp: statistic('stddev_samp'),
  stddev_pop: statistic('stddev_pop'),
  variance: statistic('var_samp'),
  var_samp: statistic('var_samp'),
  var_pop: statistic('var_pop'),
  skewness: statistic('skewness'),
  kurtosis: statistic('kurtosis'),
  corr: statisticOfTwo('corr'),
  covar_pop: statisticOfTwo('covar_pop'),
  covar_samp: statisticOfTwo('covar_samp'),
  regr_slope: statisticOfTwo('regr_slope'),
  regr_intercept: statisticOfTwo('regr_intercept'),
};
