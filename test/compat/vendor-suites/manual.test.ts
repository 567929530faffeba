import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../src/apps.ts';
import { problemsOf, readExpectedFailures } from './expected-failures.ts';
import { manualOf } from './manual.ts';

const expected = await readExpectedFailures();

describe('the list of cases that may fail', () => {
  it('gives each case once, with a ground and a reason', () => {
    expect(problemsOf(expected)).toEqual([]);
  });

  it('is what the manual says (vitest --update writes the page)', async () => {
    await expect(manualOf(expected)).toMatchFileSnapshot(join(root, 'docs', 'sls-vendor-suites.md'));
  });
});
