import { arrayOf, boolean, varchar } from '../sql-type.ts';
import { type FunctionFamily, scalar } from './function-spec.ts';

/** Regular expressions, RE2 syntax. No match is NULL. */
export const regexpFunctions: FunctionFamily = {
  regexp_like: scalar('text, text', boolean, ([s = '', p = '']) => `regexp_matches(${s}, ${p})`),
  regexp_extract: scalar(
    'text, text, bigint?',
    varchar,
    ([s = '', p = '', group = '0']) => `regexp_extract_all(${s}, ${p}, CAST(${group} AS INTEGER))[1]`,
  ),
  regexp_extract_all: scalar(
    'text, text, bigint?',
    arrayOf(varchar),
    ([s = '', p = '', group = '0']) => `regexp_extract_all(${s}, ${p}, CAST(${group} AS INTEGER))`,
  ),
  // `$1` names a group there, `\1` in the engine; a backslash of the replacement is plain text there.
  regexp_replace: scalar(
    'text, text, text?',
    varchar,
    ([s = '', p = '', to = "''"]) =>
      `regexp_replace(${s}, ${p}, regexp_replace(replace(${to}, '\\', '\\\\'), '\\$([0-9])', '\\\\\\1', 'g'), 'g')`,
  ),
  regexp_split: scalar(
    'text, text',
    arrayOf(varchar),
    ([s = '', p = '']) => `string_split_regex(${s}, ${p})`,
  ),
};
