import { checkFunctions } from './testing.ts';

const url = "'https://user@example.com:8443/a/b.html?x=1&name=a%20b&empty=#part'";

checkFunctions(
  [
    [`url_extract_protocol(${url})`, 'https'],
    [`url_extract_host(${url})`, 'example.com'],
    [`url_extract_port(${url})`, '8443'],
    ["url_extract_port('http://example.com/')", null],
    [`url_extract_path(${url})`, '/a/b.html'],
    [`url_extract_query(${url})`, 'x=1&name=a%20b&empty='],
    [`url_extract_fragment(${url})`, 'part'],
    [`url_extract_parameter(${url}, 'x')`, '1'],
    [`url_extract_parameter(${url}, 'name')`, 'a b'],
    [`url_extract_parameter(${url}, 'absent')`, null],
    ["url_encode('a b&c/日')", 'a+b%26c%2F%E6%97%A5'],
    ["url_decode('a+b%26c')", 'a b&c'],
  ],
  [['url_extract_host(1)', 'Unexpected parameters (bigint) for function url_extract_host']],
);
