import { bigint, double } from '../sql-type.ts';
import { type FunctionFamily, sameAsFirst, windowOnly } from './function-spec.ts';

/** Functions that need OVER; every aggregate can be used with OVER too. */
export const windowFunctions: FunctionFamily = {
  row_number: windowOnly('', bigint, (_values, _bound, { call }) => call('row_number', '')),
  rank: windowOnly('', bigint, (_values, _bound, { call }) => call('rank', '')),
  dense_rank: windowOnly('', bigint, (_values, _bound, { call }) => call('dense_rank', '')),
  percent_rank: windowOnly('', double, (_values, _bound, { call }) => call('percent_rank', '')),
  cume_dist: windowOnly('', double, (_values, _bound, { call }) => call('cume_dist', '')),
  ntile: windowOnly('bigint', bigint, (values, _bound, { call }) => call('ntile', values.join(', '))),
  lag: windowOnly('any, bigint?, any?', sameAsFirst, (values, _bound, { call }) =>
    call('lag', values.join(', ')),
  ),
  lead: windowOnly('any, bigint?, any?', sameAsFirst, (values, _bound, { call }) =>
    call('lead', values.join(', ')),
  ),
  first_value: windowOnly('any', sameAsFirst, (values, _bound, { call }) =>
    call('first_value', values.join(', ')),
  ),
  last_value: windowOnly('any', sameAsFirst, (values, _bound, { call }) =>
    call('last_value', values.join(', ')),
  ),
  nth_value: windowOnly('any, bigint', sameAsFirst, (values, _bound, { call }) =>
    call('nth_value', values.join(', ')),
  ),
};
