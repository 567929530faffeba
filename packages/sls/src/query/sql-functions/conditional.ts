import { type SqlType, unify, unknown } from '../sql-type.ts';
import { type Bound, type FunctionFamily, sameAsFirst, scalar } from './function-spec.ts';

function commonType(bound: readonly Bound[]): SqlType {
  return bound.reduce<SqlType>((type, value) => unify(type, value.type) ?? type, unknown);
}

/** `greatest` and `least` are NULL as soon as one argument is; the engine's own skip NULLs. */
function extreme(name: 'greatest' | 'least'): FunctionFamily[string] {
  return scalar('any, any*', commonType, (values) => {
    const anyNull = values.map((value) => `${value} IS NULL`).join(' OR ');
    return `(CASE WHEN ${anyNull} THEN NULL ELSE ${name}(${values.join(', ')}) END)`;
  });
}

/** Choices between values. */
export const conditionalFunctions: FunctionFamily = {
  if: scalar(
    'boolean, any, any?',
    (bound) => commonType(bound.slice(1)),
    ([condition = '', yes = '', no = 'NULL']) => `(CASE WHEN ${condition} THEN ${yes} ELSE ${no} END)`,
  ),
  coalesce: scalar('any, any*', commonType, (values) => `coalesce(${values.join(', ')})`),
  nullif: scalar('any, any', sameAsFirst, ([a = '', b = '']) => `nullif(${a}, ${b})`),
  try: scalar('any', sameAsFirst, ([x = '']) => `TRY(${x})`),
  greatest: extreme('greatest'),
  least: extreme('least'),
  typeof: scalar('any', { name: 'varchar' }, (_values, bound) => `'${bound[0]?.type.name ?? 'unknown'}'`),
};
