import { arrayOf, bigint, boolean, mapOf, type SqlType, unknown, varchar } from '../sql-type.ts';
import { type Bound, type FunctionFamily, sameAsFirst, scalar } from './function-spec.ts';

const elementOfFirst = (bound: readonly Bound[]): SqlType => bound[0]?.type.element ?? unknown;
const keyOfFirst = (bound: readonly Bound[]): SqlType => bound[0]?.type.key ?? unknown;

/** Arrays and maps. Array positions count from 1. */
export const arrayMapFunctions: FunctionFamily = {
  cardinality: scalar(
    'array|map',
    bigint,
    ([x = ''], bound) => `CAST(${bound[0]?.type.name === 'map' ? 'cardinality' : 'len'}(${x}) AS BIGINT)`,
  ),
  contains: scalar('array, any', boolean, ([x = '', value = '']) => `list_contains(${x}, ${value})`),
  element_at: scalar('array|map, any', elementOfFirst, ([x = '', key = ''], bound) =>
    bound[0]?.type.name === 'map' ? `map_extract_value(${x}, ${key})` : `${x}[${key}]`,
  ),
  array_distinct: scalar('array', sameAsFirst, ([x = '']) => `list_distinct(${x})`),
  array_join: scalar('array, text, text?', varchar, ([x = '', by = '', missing]) => {
    const list = `CAST(${x} AS VARCHAR[])`;
    const filled =
      missing === undefined ? list : `list_transform(${list}, lambda v: coalesce(v, ${missing}))`;
    return `array_to_string(${filled}, ${by})`;
  }),
  array_max: scalar('array', elementOfFirst, ([x = '']) => `list_max(${x})`),
  array_min: scalar('array', elementOfFirst, ([x = '']) => `list_min(${x})`),
  array_position: scalar(
    'array, any',
    bigint,
    ([x = '', value = '']) => `CAST(coalesce(list_position(${x}, ${value}), 0) AS BIGINT)`,
  ),
  array_sort: scalar('array', sameAsFirst, ([x = '']) => `list_sort(${x}, 'ASC', 'NULLS LAST')`),
  array_intersect: scalar('array, array', sameAsFirst, ([a = '', b = '']) => `list_intersect(${a}, ${b})`),
  array_concat: scalar('array, array', sameAsFirst, ([a = '', b = '']) => `list_concat(${a}, ${b})`),
  sequence: scalar(
    'bigint, bigint, bigint?',
    arrayOf(bigint),
    ([from = '', to = '', step = '1']) => `generate_series(${from}, ${to}, ${step})`,
  ),
  slice: scalar(
    'array, bigint, bigint',
    sameAsFirst,
    ([x = '', from = '', length = '']) => `list_slice(${x}, ${from}, ${from} + ${length} - 1)`,
  ),
  map: scalar(
    'array, array',
    (bound) => mapOf(bound[0]?.type.element ?? unknown, bound[1]?.type.element ?? unknown),
    ([k = '', v = '']) => `map(${k}, ${v})`,
  ),
  map_keys: scalar(
    'map',
    (bound) => arrayOf(keyOfFirst(bound)),
    ([x = '']) => `map_keys(${x})`,
  ),
  map_values: scalar(
    'map',
    (bound) => arrayOf(elementOfFirst(bound)),
    ([x = '']) => `map_values(${x})`,
  ),
  map_concat: scalar('map, map', sameAsFirst, ([a = '', b = '']) => `map_concat(${a}, ${b})`),
};
