import { describe, expect, it } from 'vitest';
import { interpolate, type VariableSource } from './interpolate.ts';

function run(text: string, values: Record<string, string> = {}) {
  const heard: string[] = [];
  const source: VariableSource = {
    lookup: (name) => values[name],
    onUnset: (name) => heard.push(`unset ${name}`),
    onRequired: (name, message) => {
      heard.push(`required ${name}: ${message}`);
      return '';
    },
    onInvalid: (expression) => heard.push(`invalid ${expression}`),
  };
  return { text: interpolate(text, source), heard };
}

// The forms and their results stand in the Compose specification, chapter "Interpolation".
describe('interpolation of Compose values', () => {
  const given = { SET: 'x', EMPTY: '' };
  it.each([
    ['$SET-y', 'x-y'],
    ['${SET}y', 'xy'],
    ['${SET:-d}', 'x'],
    ['${EMPTY:-d}', 'd'],
    ['${EMPTY-d}', ''],
    ['${NONE-d}', 'd'],
    ['${NONE:-}', ''],
    ['${SET:+r}', 'r'],
    ['${EMPTY:+r}', ''],
    ['${EMPTY+r}', 'r'],
    ['${NONE+r}', ''],
    ['${SET:?e}', 'x'],
    ['${EMPTY?e}', ''],
    ['$$SET', '$SET'],
    ['$${SET}', '${SET}'],
    ['${NONE:-${SET}}', 'x'],
    ['${NONE:-${EMPTY:-${SET:-z}}}!', 'x!'],
    ['${NONE:--1}', '-1'],
  ])('turns %s into %s', (text, expected) => {
    expect(run(text, given).text).toBe(expected);
  });

  it('ends a default at the first brace that nothing opened with a dollar', () => {
    expect(run('${NONE:-a{b}c').text).toBe('a{bc');
  });

  it('reports a variable that is not set, and uses an empty text', () => {
    expect(run('<$A${B}>')).toEqual({ text: '<>', heard: ['unset A', 'unset B'] });
  });

  it('reports a required variable with its message', () => {
    expect(run('${A:?set A}').heard).toEqual(['required A: set A']);
    expect(run('${EMPTY:?no}', given).heard).toEqual(['required EMPTY: no']);
  });

  it.each(['${', '${}', '${1A}', '${A', '$(date)', 'a$ b'])('reports %s and keeps it', (text) => {
    const { text: result, heard } = run(text, given);
    expect(result).toBe(text);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/^invalid/);
  });

  it('refuses to follow defaults nested a hundred deep', () => {
    const text = `${'${A:-'.repeat(100)}x${'}'.repeat(100)}`;
    expect(run(text).heard.some((line) => line.startsWith('invalid'))).toBe(true);
  });
});
