import { createRandom } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { randomSearch } from './search-corpus.fixture.ts';
import { parseSearch } from './search-parser.ts';
import { printSearch } from './search-print.ts';

const canonical = (text: string): string => printSearch(parseSearch(text));

describe('a search', () => {
  it.each([
    ['', '*'],
    ['  *  ', '*'],
    ['a b', 'a and b'],
    ['a AND b Or c', '(a and b) or c'],
    ['a or b and c', 'a or (b and c)'],
    ['a not b', 'a and not b'],
    ['NOT a and b', 'not a and b'],
    ['not (a or b)', 'not (a or b)'],
    ['(a)', 'a'],
    ['status:200', 'status: 200'],
    ['status : 200', 'status: 200'],
    ['status:"a b"', 'status: "a b"'],
    ['status:*', 'status: *'],
    ['status:""', 'status: ""'],
    ['status:pre*', 'status: pre*'],
    ['a?b', 'a?b'],
    ['"a \\"quoted\\" and \\\\ one"', '"a \\"quoted\\" and \\\\ one"'],
    ['uri:/a?b=c&d=e', 'uri: /a?b=c&d=e'],
    ['region:cn-shanghai', 'region: cn-shanghai'],
    ['latency>10', 'latency > 10'],
    ['latency >= -1.5e3', 'latency >= -1.5e3'],
    ['latency=7', 'latency = 7'],
    ['latency in [1 5]', 'latency in [1 5]'],
    ['latency in (1, 5]', 'latency in (1 5]'],
    ['latency: [100, *]', 'latency: [100 *]'],
    ['__tag__:__client_ip__:1.2.3.4', '__tag__:__client_ip__: 1.2.3.4'],
    ['"my key":v', '"my key": v'],
    ['"and"', '"and"'],
    ['a.b.c:v and a.b > 5', 'a.b.c: v and a.b > 5'],
    ['#"abc def" and key:#"x y"', '#"abc def" and key: #"x y"'],
    ['id: 4f1c-77 tenant_id: t1', 'id: 4f1c-77 and tenant_id: t1'],
    ['日志 服务', '日志 and 服务'],
  ])('%j reads as %j', (text, expected) => {
    expect(canonical(text)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  });

  it('printed and read again is the same tree, for 5,000 made-up ones', () => {
    const random = createRandom(20251122);
    const withoutPlaces = (tree: unknown): unknown =>
      JSON.parse(JSON.stringify(tree, (name, value: unknown) => (name === 'at' ? undefined : value)));
    for (let number = 0; number < 5000; number += 1) {
      const tree = parseSearch(randomSearch(random));
      expect(withoutPlaces(parseSearch(printSearch(tree)))).toEqual(withoutPlaces(tree));
    }
  });
});

describe('a mistake in a search', () => {
  const syntax = (from: number, to: number, near: string): string =>
    `ErrorType:QueryParseError.ErrorMessage:syntax error error position is from column:${from} to column:${to},error near < ${near} >`;
  const placed = (column: number, message: string): string =>
    `ErrorType:QueryParseError.ErrorPosition,line:1,column:${column}.ErrorMessage:${message}`;

  it.each([
    ['a and', syntax(6, 6, 'end of query')],
    ['a or or b', syntax(6, 7, 'or')],
    ['(a b', syntax(5, 5, 'end of query')],
    ['a)', syntax(2, 2, ')')],
    ['status:(a or b)', syntax(8, 8, '(')],
    ['a:b:c', syntax(4, 4, ':')],
    [':b', syntax(1, 1, ':')],
    ['latency > fast', syntax(11, 14, 'fast')],
    ['latency in [1 b]', syntax(15, 15, 'b')],
    ['a "b', placed(3, 'unclosed string quote')],
    ['*tail', placed(1, 'only support * or ? in the middle or end of the query')],
    ['key:?x', placed(5, 'only support * or ? in the middle or end of the query')],
    [Array.from({ length: 43 }, (_none, n) => `w${n}`).join(' or '), 'condition number 43 is more than 30'],
  ])('%j is told with its place', (text, message) => {
    expect(() => parseSearch(text)).toThrowError(
      expect.objectContaining({ status: 400, errorCode: 'ParameterInvalid', errorMessage: message }),
    );
  });

  it.each([
    ['a thousand parentheses', `${'('.repeat(1000)}a${')'.repeat(1000)}`],
    ['ten thousand conditions', Array.from({ length: 10_000 }, () => 'a').join(' or ')],
    ['a megabyte', 'x'.repeat(1_000_000)],
    ['nothing but quotes', '"'.repeat(9999)],
  ])('%s end in an error within a second', (_what, text) => {
    const began = performance.now();
    expect(() => parseSearch(text)).toThrowError(expect.objectContaining({ errorCode: 'ParameterInvalid' }));
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
