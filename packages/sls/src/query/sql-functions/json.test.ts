import { checkFunctions } from './testing.ts';

const document = `'{"a":{"b":[1,"two",null,{"c":true}],"x-y":1.5},"s":"text"}'`;

checkFunctions(
  [
    [`json_extract(${document}, '$.a.b[1]')`, '"two"'],
    [`json_extract(${document}, '$.a["x-y"]')`, '1.5'],
    [`json_extract_scalar(${document}, '$.s')`, 'text'],
    [`json_extract_scalar(${document}, '$["a"]["x-y"]')`, '1.5'],
    [`json_extract_scalar(${document}, '$.a.b[0]')`, '1'],
    [`json_extract_scalar(${document}, '$.a.b[2]')`, null],
    [`json_extract_scalar(${document}, '$.a.b')`, null],
    [`json_extract_scalar(${document}, '$.nothing')`, null],
    ["json_extract_scalar('{\"cut', '$.a')", null],
    ["json_extract('', '$')", null],
    [`json_size(${document}, '$.a')`, '2'],
    [`json_size(${document}, '$.a.b')`, '4'],
    [`json_size(${document}, '$.s')`, '0'],
    ["json_array_length('[1,2,3]')", '3'],
    ["json_array_length('{}')", null],
    ['json_array_get(\'[1,"b"]\', 1)', '"b"'],
    ["json_array_contains('[1,2]', 2)", 'true'],
    ["json_array_contains('[1,2]', 'x')", 'false'],
    ['json_format(json_parse(\'{ "a" : 1 }\'))', '{"a":1}'],
    [`cast(json_extract(${document}, '$.a.b[0]') as bigint) + 1`, '2'],
    ['cast(json_parse(\'["a","b"]\') as array(varchar))[2]', 'b'],
    ['cast(json_parse(\'{"k":"v"}\') as map(varchar, varchar))[\'k\']', 'v'],
    ['cast(array[1,2] as json)', '[1,2]'],
  ],
  [
    ["json_parse('{')", 'Cannot convert value to JSON'],
    [`json_extract(${document}, 'a.b')`, "Invalid JSON path: 'a.b'"],
    [`json_extract(${document}, lower('$.A'))`, 'the JSON path must be a constant'],
    ["json_extract(5, '$')", 'Unexpected parameters (bigint, varchar) for function json_extract'],
  ],
);
