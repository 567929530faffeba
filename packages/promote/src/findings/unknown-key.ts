import type { FindingRule } from './finding.ts';

/** Misspelt keys: Compose itself would refuse the file. */
export const unknownKeyRule: FindingRule = {
  code: 'UNKNOWN_KEY',
  title: 'A key is not a key of Compose',
  severity: 'warn',
  check({ coverage }) {
    return coverage.unknownKeys.map(({ path, key, nearest, position }) => ({
      severity: 'warn' as const,
      message: `${key} is not a key of Compose and was left out`,
      hint: nearest === undefined ? 'Remove it, or begin it with x-.' : `Did you mean ${nearest}?`,
      path,
      position,
    }));
  },
};
