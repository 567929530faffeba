import { checkFunctions } from './testing.ts';

checkFunctions(
  [
    ["regexp_like('abc123', '[0-9]+')", 'true'],
    ["regexp_like('abc', '^b')", 'false'],
    ["regexp_extract('a1b22', '[0-9]+')", '1'],
    ["regexp_extract('a1b22', '([a-z])([0-9]+)', 2)", '1'],
    ["regexp_extract('abc', '[0-9]+')", null],
    ["regexp_extract_all('a1b22', '[0-9]+')", '["1","22"]'],
    ["regexp_replace('a1b22', '[0-9]+', '#')", 'a#b#'],
    ["regexp_replace('a1b22', '[0-9]+')", 'ab'],
    ["regexp_replace('2025-11', '([0-9]+)-([0-9]+)', '$2/$1')", '11/2025'],
    ["regexp_replace('ab', 'b', '\\')", 'a\\'],
    ["regexp_split('a1b22c', '[0-9]+')", '["a","b","c"]'],
  ],
  [
    ["regexp_like(1, 'a')", 'Unexpected parameters (bigint, varchar) for function regexp_like'],
    ["regexp_like('a', '(')", 'missing )'],
    ["regexp_extract('a')", 'Unexpected parameters (varchar) for function regexp_extract'],
  ],
);
