import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseEnvFile } from './env-file.ts';
import type { VariableSource } from './interpolate.ts';

const source = (values: Record<string, string> = {}): VariableSource => ({
  lookup: (name) => values[name],
  onUnset: () => {},
  onRequired: () => '',
  onInvalid: () => {},
});

const read = (text: string, values?: Record<string, string>): Record<string, string | undefined> =>
  Object.fromEntries(parseEnvFile(text, source(values)).entries.map((entry) => [entry.name, entry.value]));

describe('an env file', () => {
  it('is read as Node reads it, where neither quotes nor dollars need interpretation', () => {
    const text = [
      '# comment',
      'A=1',
      'B = two words ',
      '',
      "C='single # not a comment'",
      'D="double"',
      'E=',
      'export G=exported',
      'H=value # comment',
      'I=a=b=c',
    ].join('\n');
    expect(read(text)).toEqual({ ...parseEnv(text) });
  });

  it('interpolates double quotes and bare values, not single quotes', () => {
    const text = 'A=x\nB=${A}1\nC="$A 2"\nD=\'$A\'\nE=${NONE:-z}\nF="a$$b"';
    expect(read(text)).toEqual({ A: 'x', B: 'x1', C: 'x 2', D: '$A', E: 'z', F: 'a$b' });
  });

  it('gives way to the surrounding environment', () => {
    expect(read('A=file\nB=$A', { A: 'shell' })['B']).toBe('shell');
  });

  it('begins a comment at a # after a blank only', () => {
    expect(read('A=a#b\nB=a #b')).toEqual({ A: 'a#b', B: 'a' });
  });

  it('knows escapes and several lines inside quotes', () => {
    expect(read('A="one\\ntwo"\nB="first\nsecond"\nC=\'it\\\'s\'')).toEqual({
      A: 'one\ntwo',
      B: 'first\nsecond',
      C: "it's",
    });
  });

  it('reads Windows line ends and a byte order mark', () => {
    expect(read('\uFEFFA=1\r\nB=2\r\n')).toEqual({ A: '1', B: '2' });
  });

  it('counts lines across quoted ones', () => {
    const { entries } = parseEnvFile('A="1\n2"\n\nB=3', source());
    expect(entries.map(({ name, line }) => `${name}:${line}`)).toEqual(['A:1', 'B:4']);
  });

  it('names the line it cannot read, and reads on', () => {
    const { entries, problems } = parseEnvFile('A=1\n=oops\n1B=2\nC D\nE=5', source());
    expect(entries.map(({ name }) => name)).toEqual(['A', 'E']);
    expect(problems.map(({ line }) => line)).toEqual([2, 3, 4]);
  });

  it('reports a quote that is never closed', () => {
    expect(parseEnvFile('A="x\nB=2', source()).problems).toEqual([
      { line: 1, message: 'the " that opens the value of A is never closed' },
    ]);
  });
});
