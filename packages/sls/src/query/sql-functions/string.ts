import { arrayOf, bigint, mapOf, varchar } from '../sql-type.ts';
import { type FunctionFamily, scalar } from './function-spec.ts';

function pad(engineName: 'lpad' | 'rpad'): FunctionFamily[string] {
  return scalar(
    'text, bigint, text',
    varchar,
    ([s = '', n = '', fill = '']) => `${engineName}(${s}, CAST(${n} AS INTEGER), ${fill})`,
  );
}

const substring = scalar('text, bigint, bigint?', varchar, ([s = '', from = '', length]) => {
  // Position 0 is outside every string there; the engine would count it as one before the first.
  const cut =
    length === undefined ? `substr(${s}, ${from})` : `substr(${s}, ${from}, greatest(${length}, 0))`;
  return `(CASE WHEN ${from} = 0 THEN '' ELSE ${cut} END)`;
});

/** Text. Positions count from 1. */
export const stringFunctions: FunctionFamily = {
  length: scalar('text', bigint, ([s = '']) => `length(${s})`),
  lower: scalar('text', varchar, ([s = '']) => `lower(${s})`),
  upper: scalar('text', varchar, ([s = '']) => `upper(${s})`),
  trim: scalar('text', varchar, ([s = '']) => `trim(${s})`),
  ltrim: scalar('text', varchar, ([s = '']) => `ltrim(${s})`),
  rtrim: scalar('text', varchar, ([s = '']) => `rtrim(${s})`),
  lpad: pad('lpad'),
  rpad: pad('rpad'),
  reverse: scalar('text', varchar, ([s = '']) => `reverse(${s})`),
  replace: scalar(
    'text, text, text?',
    varchar,
    ([s = '', from = '', to = "''"]) => `replace(${s}, ${from}, ${to})`,
  ),
  // `||` is NULL as soon as one part is; the engine's own concat skips NULLs.
  concat: scalar(
    'text|array, text|array, text|array*',
    (bound) => bound[0]?.type ?? varchar,
    (values) => `(${values.join(' || ')})`,
  ),
  substr: substring,
  substring,
  strpos: scalar('text, text', bigint, ([s = '', part = '']) => `strpos(${s}, ${part})`),
  position: scalar('text, text', bigint, ([part = '', s = '']) => `strpos(${s}, ${part})`),
  starts_with: scalar(
    'text, text',
    { name: 'boolean' },
    ([s = '', part = '']) => `starts_with(${s}, ${part})`,
  ),
  split: scalar('text, text, bigint?', arrayOf(varchar), ([s = '', by = '', limit]) => {
    const parts = `string_split(${s}, ${by})`;
    if (limit === undefined) return parts;
    return `(CASE WHEN len(${parts}) <= ${limit} THEN ${parts} ELSE list_concat(list_slice(${parts}, 1, ${limit} - 1), [array_to_string(list_slice(${parts}, ${limit}, len(${parts})), ${by})]) END)`;
  }),
  // Past the last part there is nothing: NULL, where the engine says ''.
  split_part: scalar(
    'text, text, bigint',
    varchar,
    ([s = '', by = '', n = '']) => `string_split(${s}, ${by})[${n}]`,
  ),
  split_to_map: scalar(
    'text, text, text',
    mapOf(varchar, varchar),
    ([s = '', pairs = '', values = '']) =>
      `map_from_entries(list_transform(list_filter(string_split(${s}, ${pairs}), lambda p: contains(p, ${values})), lambda p: ROW(string_split(p, ${values})[1], string_split(p, ${values})[2])))`,
  ),
  levenshtein_distance: scalar('text, text', bigint, ([a = '', b = '']) => `levenshtein(${a}, ${b})`),
  hamming_distance: scalar('text, text', bigint, ([a = '', b = '']) => `hamming(${a}, ${b})`),
  chr: scalar('bigint', varchar, ([n = '']) => `chr(CAST(${n} AS INTEGER))`),
  codepoint: scalar('text', bigint, ([s = '']) => `CAST(unicode(${s}) AS BIGINT)`),
};
