import { raise } from '../sql-text.ts';
import { bigint, boolean, json, type SqlType, varchar } from '../sql-type.ts';
import { type Bound, type CallContext, type FunctionFamily, literalOf, scalar } from './function-spec.ts';

/** `$.a["x-y"][0]` in the engine's spelling, `$."a"."x-y"[0]`. */
export function enginePath(path: string, context: CallContext): string {
  if (!path.startsWith('$')) context.fail(`Invalid JSON path: '${path}'`);
  const step =
    /\.\s*([^.[\]"]+)|\.?\["((?:[^"\\]|\\.)*)"\]|\.?\['([^']*)'\]|\."((?:[^"\\]|\\.)*)"|\[(\d+)\]/y;
  let result = '$';
  step.lastIndex = 1;
  while (step.lastIndex < path.length) {
    const match = step.exec(path);
    if (match === null) return context.fail(`Invalid JSON path: '${path}'`);
    const name = match[1] ?? match[2] ?? match[3] ?? match[4];
    result += name === undefined ? `[${match[5]}]` : `."${name.replaceAll(/(?<!\\)"/g, '\\"')}"`;
  }
  return `'${result.replaceAll("'", "''")}'`;
}

/** Malformed text is NULL; the engine would end the statement. */
function guarded(text: string, value: string): string {
  return `(CASE WHEN json_valid(${text}) THEN ${value} END)`;
}

function extracting(type: SqlType, engineName: string): FunctionFamily[string] {
  return scalar('text|json, text', type, ([s = ''], bound, context) =>
    guarded(s, `${engineName}(${s}, ${pathOf(bound, context)})`),
  );
}

function pathOf(bound: readonly Bound[], context: CallContext): string {
  return enginePath(literalOf(bound[1], context, 'the JSON path'), context);
}

/** JSON. A document that is not valid JSON gives NULL, except in `json_parse`, which fails. */
export const jsonFunctions: FunctionFamily = {
  json_extract: extracting(json, 'json_extract'),
  // Objects and arrays are no scalars; a JSON null is NULL.
  json_extract_scalar: scalar('text|json, text', varchar, ([s = ''], bound, context) => {
    const path = pathOf(bound, context);
    return guarded(
      s,
      `CASE WHEN json_type(${s}, ${path}) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(${s}, ${path}) END`,
    );
  }),
  json_parse: scalar(
    'text',
    json,
    ([s = '']) =>
      `(CASE WHEN ${s} IS NULL OR json_valid(${s}) THEN CAST(json(${s}) AS VARCHAR) ELSE ${raise('Cannot convert value to JSON', 'VARCHAR')} END)`,
  ),
  json_format: scalar('json', varchar, ([s = '']) => `CAST(${s} AS VARCHAR)`),
  json_size: scalar('text|json, text', bigint, ([s = ''], bound, context) => {
    const path = pathOf(bound, context);
    return guarded(
      s,
      `CASE json_type(${s}, ${path}) WHEN 'OBJECT' THEN CAST(len(json_keys(${s}, ${path})) AS BIGINT) WHEN 'ARRAY' THEN CAST(json_array_length(${s}, ${path}) AS BIGINT) WHEN NULL THEN NULL ELSE CAST(0 AS BIGINT) END`,
    );
  }),
  json_array_length: scalar('text|json', bigint, ([s = '']) =>
    guarded(s, `CASE WHEN json_type(${s}) = 'ARRAY' THEN CAST(json_array_length(${s}) AS BIGINT) END`),
  ),
  json_array_get: scalar('text|json, bigint', json, ([s = '', n = '']) =>
    guarded(s, `CASE WHEN json_type(${s}) = 'ARRAY' THEN json_extract(${s}, CAST(${n} AS INTEGER)) END`),
  ),
  json_array_contains: scalar('text|json, any', boolean, ([s = '', value = '']) =>
    guarded(
      s,
      `CASE WHEN json_type(${s}) = 'ARRAY' THEN json_contains(${s}, CAST(to_json(${value}) AS VARCHAR)) END`,
    ),
  ),
};
