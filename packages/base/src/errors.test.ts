import { describe, expect, it } from 'vitest';
import { defineErrors, exitCodeOf, messageOf, SampanError, systemCodeOf } from './errors.ts';

const table = defineErrors({
  BASE_TEST_TYPO: { family: 'user', summary: 'an option is misspelt' },
  BASE_TEST_BUSY: { family: 'environment', summary: 'a port is busy' },
});

describe('coded errors', () => {
  it('carry code, family, hint and cause of their table row', () => {
    const cause = new Error('EADDRINUSE');
    const error = table.create('BASE_TEST_BUSY', {
      message: 'port 80 is busy',
      hint: 'change http.port',
      cause,
    });
    expect(error).toBeInstanceOf(SampanError);
    expect(error).toMatchObject({
      code: 'BASE_TEST_BUSY',
      family: 'environment',
      hint: 'change http.port',
      cause,
    });
  });

  it('end the process with 2 for the user, 3 for the environment and 70 for a defect', () => {
    expect(exitCodeOf(table.create('BASE_TEST_TYPO', { message: 'm' }))).toBe(2);
    expect(exitCodeOf(table.create('BASE_TEST_BUSY', { message: 'm' }))).toBe(3);
    expect(exitCodeOf(new TypeError('x is undefined'))).toBe(70);
  });

  it('give a text for whatever was thrown', () => {
    expect(messageOf(new Error('a'))).toBe('a');
    expect(messageOf('b')).toBe('b');
    expect(systemCodeOf(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toBe('ENOSPC');
    expect(systemCodeOf(undefined)).toBeUndefined();
  });
});
