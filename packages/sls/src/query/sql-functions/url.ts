import { bigint, varchar } from '../sql-type.ts';
import { type FunctionFamily, scalar } from './function-spec.ts';

/** RFC 3986, appendix B, without the parts that name no group. */
const url = String.raw`^(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?`;

function part(group: number): FunctionFamily[string] {
  return scalar('text', varchar, ([s = '']) => `regexp_extract(${s}, '${url}', ${group})`);
}

/** Parts of a URL; a part that is not there is the empty string. */
export const urlFunctions: FunctionFamily = {
  url_extract_protocol: part(1),
  url_extract_host: scalar(
    'text',
    varchar,
    ([s = '']) => `regexp_extract(${s}, '^(?:[^:/?#]+:)?//(?:[^/?#@]*@)?([^/?#:]*)', 1)`,
  ),
  url_extract_port: scalar(
    'text',
    bigint,
    ([s = '']) =>
      `TRY_CAST(nullif(regexp_extract(${s}, '^(?:[^:/?#]+:)?//[^/?#]*:([0-9]+)', 1), '') AS BIGINT)`,
  ),
  url_extract_path: part(3),
  url_extract_query: part(4),
  url_extract_fragment: part(5),
  url_extract_parameter: scalar(
    'text, text',
    varchar,
    ([s = '', name = '']) =>
      `url_decode(list_transform(list_filter(string_split(regexp_extract(${s}, '${url}', 4), '&'), lambda p: string_split(p, '=')[1] = ${name}), lambda p: substr(p, length(${name}) + 2))[1])`,
  ),
  url_encode: scalar('text', varchar, ([s = '']) => `replace(url_encode(${s}), '%20', '+')`),
  url_decode: scalar('text', varchar, ([s = '']) => `url_decode(replace(${s}, '+', '%20'))`),
};
