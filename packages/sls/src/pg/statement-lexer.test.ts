import { createRandom } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { PgError } from './pg-error.ts';
import { createLexer, type Token } from './statement-lexer.ts';

function tokensOf(text: string): Token[] {
  const lexer = createLexer(text);
  const tokens: Token[] = [];
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) tokens.push(token);
  return tokens;
}

const texts = (text: string): string[] => tokensOf(text).map((token) => `${token.kind}:${token.text}`);

function failure(text: string): PgError {
  try {
    tokensOf(text);
  } catch (error) {
    if (error instanceof PgError) return error;
  }
  throw new Error(`no PgError for ${text}`);
}

// Expected values follow the PostgreSQL manual, section 4.1, checked against PostgreSQL 15.
describe('the lexer of statements', () => {
  it('folds the case of unquoted words and keeps quoted names', () => {
    expect(texts('SELECT "Index", Index FROM "a""b"')).toEqual([
      'word:select',
      'name:Index',
      'symbol:,',
      'word:index',
      'word:from',
      'name:a"b',
    ]);
  });

  it('folds ASCII letters only', () => {
    expect(texts('ÄB')).toEqual(['word:Äb']);
  });

  it('reads doubled quotes, line ends and any UTF-8 inside a string', () => {
    expect(texts(`'it''s\n漢字 😀 "q" \\n -- /* $1 ;'`)).toEqual([`string:it's\n漢字 😀 "q" \\n -- /* $1 ;`]);
  });

  it('joins strings that only a line end separates', () => {
    expect(texts("'a'\n  'b'")).toEqual(['string:ab']);
    expect(texts("'a' 'b'")).toEqual(['string:a', 'string:b']);
  });

  it('reads escapes in E strings only', () => {
    expect(texts(String.raw`E'a\nb\'c\\d\x41\101\u6f22\U0001F600'''`)).toEqual(["string:a\nb'c\\dAA漢😀'"]);
    expect(texts(String.raw`'a\nb'`)).toEqual([String.raw`string:a\nb`]);
  });

  it('reads dollar quotes with and without a tag', () => {
    expect(texts("$$it's$$ $tag$a $$ b$tag$")).toEqual(["string:it's", 'string:a $$ b']);
  });

  it('skips line comments and nested block comments', () => {
    expect(texts('a -- b\n/* c /* d */ e */ f')).toEqual(['word:a', 'word:f']);
  });

  it('reads numbers and the operators that are one token', () => {
    expect(texts('1 2.5 .5 1e-3 ::<>!=<=>=||-')).toEqual([
      'number:1',
      'number:2.5',
      'number:.5',
      'number:1e-3',
      'symbol:::',
      'symbol:<>',
      'symbol:!=',
      'symbol:<=',
      'symbol:>=',
      'symbol:||',
      'symbol:-',
    ]);
  });

  it.each([
    ["'abc", '42601', `unterminated quoted string at or near "'abc"`],
    ['"abc', '42601', 'unterminated quoted identifier at or near ""abc"'],
    ['/* abc', '42601', 'unterminated /* comment at or near "/* abc"'],
    ['$x$abc', '42601', 'unterminated dollar-quoted string at or near "$x$abc"'],
    ['""', '42601', 'zero-length delimited identifier at or near """"'],
    ['$1', '42P02', 'there is no parameter $1'],
    [String.raw`E'\000'`, '22021', String.raw`invalid byte sequence for encoding "UTF8": \000`],
    [String.raw`E'\uZZ'`, '22025', 'invalid Unicode escape'],
  ])('refuses %s', (text, sqlstate, message) => {
    expect(failure(text)).toMatchObject({ sqlstate, message });
  });

  it('does not put a whole payload into its message', () => {
    expect(failure(`'${'x'.repeat(1_000_000)}`).message.length).toBeLessThan(150);
  });

  it('reads a literal of 4 MB full of quotes without quadratic work', () => {
    const payload = "it''s ".repeat(650_000);
    const startMs = performance.now();
    expect(tokensOf(`'${payload}'`)).toHaveLength(1);
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  it('ends or throws a PgError on any text', () => {
    const random = createRandom(7);
    const alphabet = `'"$E e\\;(),-*/ab1.\n漢`;
    for (let round = 0; round < 3_000; round += 1) {
      const letters = Array.from({ length: random.integer(24) }, () =>
        alphabet.charAt(random.integer(alphabet.length)),
      );
      try {
        tokensOf(letters.join(''));
      } catch (error) {
        expect(error).toBeInstanceOf(PgError);
      }
    }
  });
});
