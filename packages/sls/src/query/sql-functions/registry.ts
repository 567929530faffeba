import { aggregateFunctions } from './aggregate.ts';
import { approximateFunctions } from './approximate.ts';
import { arrayMapFunctions } from './array-map.ts';
import { binaryFunctions } from './binary.ts';
import { conditionalFunctions } from './conditional.ts';
import { dateTimeFunctions } from './date-time.ts';
import type { FunctionFamily, FunctionSpec } from './function-spec.ts';
import { jsonFunctions } from './json.ts';
import { mathFunctions } from './math.ts';
import { regexpFunctions } from './regexp.ts';
import { stringFunctions } from './string.ts';
import { urlFunctions } from './url.ts';
import { windowFunctions } from './window.ts';

/** Every function a statement may call. What is not here cannot reach the index engine. */
export const functionFamilies: Readonly<Record<string, FunctionFamily>> = {
  aggregate: aggregateFunctions,
  approximate: approximateFunctions,
  window: windowFunctions,
  conditional: conditionalFunctions,
  math: mathFunctions,
  string: stringFunctions,
  regexp: regexpFunctions,
  'date and time': dateTimeFunctions,
  json: jsonFunctions,
  url: urlFunctions,
  binary: binaryFunctions,
  'array and map': arrayMapFunctions,
};

const functions = new Map<string, FunctionSpec>(
  Object.values(functionFamilies).flatMap((family) => Object.entries(family)),
);

/** The function of that name (lower case), if there is one. */
export function findFunction(name: string): FunctionSpec | undefined {
  return functions.get(name);
}
