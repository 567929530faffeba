import { arrayOf, bigint, double, type SqlType } from '../sql-type.ts';
import { aggregate, type Bound, type FunctionFamily, sameAsFirst } from './function-spec.ts';

/** Approximate aggregates, computed exactly: the engine's own sketch is off by a quarter at small counts. */
export const approximateFunctions: FunctionFamily = {
  approx_distinct: aggregate('any, number?', bigint, ([x = ''], _bound, { call }) =>
    call('count', `DISTINCT ${x}`),
  ),
  approx_percentile: aggregate('number, number|array', percentileType, (values, _bound, { call }) =>
    call('quantile_disc', values.join(', ')),
  ),
};

function percentileType(bound: readonly Bound[]): SqlType {
  const value = sameAsFirst(bound).name === 'bigint' ? bigint : double;
  return bound[1]?.type.name === 'array' ? arrayOf(value) : value;
}
