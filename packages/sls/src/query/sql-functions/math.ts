import { raise } from '../sql-text.ts';
import { bigint, double } from '../sql-type.ts';
import { type FunctionFamily, numberLikeFirst, scalar } from './function-spec.ts';

function ofDouble(engineName: string): FunctionFamily[string] {
  return scalar('number', double, ([x = '']) => `${engineName}(CAST(${x} AS DOUBLE))`);
}

function likeArgument(engineName: string): FunctionFamily[string] {
  return scalar('number', numberLikeFirst, ([x = '']) => `${engineName}(${x})`);
}

/** Refuses a zero divisor the way the service does; the engine would answer NULL. */
export function nonZero(divisor: string): string {
  return `(CASE WHEN ${divisor} = 0 THEN ${raise('Division by zero')} ELSE ${divisor} END)`;
}

/** Arithmetic and bits. */
export const mathFunctions: FunctionFamily = {
  abs: likeArgument('abs'),
  ceil: likeArgument('ceil'),
  ceiling: likeArgument('ceil'),
  floor: likeArgument('floor'),
  round: scalar('number, bigint?', numberLikeFirst, ([x = '', digits]) =>
    digits === undefined ? `round(${x})` : `round(${x}, CAST(${digits} AS INTEGER))`,
  ),
  truncate: scalar('number, bigint?', numberLikeFirst, ([x = '', digits]) =>
    digits === undefined ? `trunc(${x})` : `trunc(${x} * pow(10, ${digits})) / pow(10, ${digits})`,
  ),
  sign: scalar(
    'number',
    numberLikeFirst,
    ([x = ''], bound) => `CAST(sign(${x}) AS ${numberLikeFirst(bound) === bigint ? 'BIGINT' : 'DOUBLE'})`,
  ),
  mod: scalar('number, number', numberLikeFirst, ([x = '', y = '']) => `(${x} % ${nonZero(y)})`),
  power: scalar('number, number', double, ([x = '', y = '']) => `pow(CAST(${x} AS DOUBLE), ${y})`),
  pow: scalar('number, number', double, ([x = '', y = '']) => `pow(CAST(${x} AS DOUBLE), ${y})`),
  sqrt: ofDouble('sqrt'),
  cbrt: ofDouble('cbrt'),
  exp: ofDouble('exp'),
  ln: ofDouble('ln'),
  log2: ofDouble('log2'),
  log10: ofDouble('log10'),
  log: scalar('number, number', double, ([base = '', x = '']) => `(ln(${x}) / ln(${base}))`),
  sin: ofDouble('sin'),
  cos: ofDouble('cos'),
  tan: ofDouble('tan'),
  asin: ofDouble('asin'),
  acos: ofDouble('acos'),
  atan: ofDouble('atan'),
  atan2: scalar('number, number', double, ([y = '', x = '']) => `atan2(${y}, ${x})`),
  radians: ofDouble('radians'),
  degrees: ofDouble('degrees'),
  pi: scalar('', double, () => 'pi()'),
  e: scalar('', double, () => 'exp(CAST(1 AS DOUBLE))'),
  random: scalar(
    'bigint?',
    (bound) => (bound.length > 0 ? bigint : double),
    ([n]) => (n === undefined ? 'random()' : `CAST(floor(random() * ${n}) AS BIGINT)`),
  ),
  rand: scalar('', double, () => 'random()'),
  is_nan: scalar('number', { name: 'boolean' }, ([x = '']) => `isnan(CAST(${x} AS DOUBLE))`),
  is_finite: scalar('number', { name: 'boolean' }, ([x = '']) => `isfinite(CAST(${x} AS DOUBLE))`),
  bitwise_and: scalar('bigint, bigint', bigint, ([a = '', b = '']) => `(${a} & ${b})`),
  bitwise_or: scalar('bigint, bigint', bigint, ([a = '', b = '']) => `(${a} | ${b})`),
  bitwise_xor: scalar('bigint, bigint', bigint, ([a = '', b = '']) => `xor(${a}, ${b})`),
  bitwise_not: scalar('bigint', bigint, ([a = '']) => `(~${a})`),
};
