import { describe, expect, it } from 'vitest';
import { createProblemList } from '../problem.ts';
import { composeLimits, parseComposeYaml } from './parse-yaml.ts';
import { child, entryOf, textOf, walk } from './tree.ts';

function parse(text: string) {
  const problems = createProblemList();
  const tree = parseComposeYaml({ path: 'compose.yaml', text }, (value) => value, problems);
  return { tree, codes: problems.problems.map(({ code }) => code), problems: problems.problems };
}

const anchors = `x-env: &env
  A: 1
  B: base
services:
  api:
    environment:
      <<: *env
      B: own
`;

describe('a Compose file', () => {
  it('knows where every key stands, also behind an anchor', () => {
    const { tree } = parse(anchors);
    const environment = child(child(child(tree, 'services'), 'api'), 'environment');
    expect(entryOf(environment, 'A')).toMatchObject({
      anchor: 'env',
      keyPosition: { file: 'compose.yaml', line: 2, column: 3 },
    });
    const own = entryOf(environment, 'B');
    expect(own?.keyPosition.line).toBe(8);
    expect(own?.anchor).toBeUndefined();
  });

  it('takes the first of several merged mappings, and the own key before all', () => {
    const { tree } = parse('a: &a {k: 1, l: 1}\nb: &b {k: 2, m: 2}\nc:\n  <<: [*a, *b]\n  m: 3\n');
    const c = child(tree, 'c');
    expect(['k', 'l', 'm'].map((key) => textOf(child(c, key)))).toEqual(['1', '1', '3']);
  });

  it('prints numbers and switches as containers get them', () => {
    const { tree } = parse('a: 1.0\nb: true\nc: 0x10\nd: 12345678901234567890\ne:\nf: "007"\n');
    expect(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => textOf(child(tree, key)))).toEqual([
      '1',
      'true',
      '16',
      '12345678901234567890',
      undefined,
      '007',
    ]);
  });

  it('reports a syntax error with its place', () => {
    const { tree, problems } = parse('services:\n  api: {image: a\n  b: [\n');
    expect(tree).toBeUndefined();
    expect(problems[0]?.code).toBe('PROMOTE_COMPOSE_SYNTAX');
    expect(problems[0]?.position?.line).toBeGreaterThan(1);
  });

  it.each([
    ['an alias without an anchor', 'a: *nothing\n'],
    ['an alias inside its own value', 'a: &a\n  b: *a\n'],
    ['a key that stands twice', 'a: 1\na: 2\n'],
  ])('reports %s', (_, text) => {
    expect(parse(text).codes).toContain('PROMOTE_COMPOSE_SYNTAX');
  });

  it('refuses aliases that multiply, without expanding them', () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(',')}]`,
    );
    const { tree, codes } = parse(['l0: &l0 x', ...levels].join('\n'));
    expect(tree).toBeUndefined();
    expect(codes).toEqual(['PROMOTE_COMPOSE_TOO_LARGE']);
  });

  it.each([
    ['100', 100],
    ['100,000', 100_000],
  ])('refuses %s opening brackets', (_, count) => {
    const { tree, codes } = parse(`a: ${'['.repeat(count)}${']'.repeat(count)}`);
    expect(tree).toBeUndefined();
    expect(codes).toEqual(['PROMOTE_COMPOSE_TOO_DEEP']);
  });

  it('refuses a file over the limit before reading it', () => {
    expect(parse(`# ${'x'.repeat(composeLimits.fileBytes)}`).codes).toEqual(['PROMOTE_COMPOSE_TOO_LARGE']);
  });

  it('survives every prefix of itself', () => {
    for (let end = 0; end <= anchors.length; end++) {
      const { tree } = parse(anchors.slice(0, end));
      if (tree !== undefined) expect([...walk(tree)].length).toBeLessThan(20);
    }
  });
});
