import type { FindingRule } from './finding.ts';

/** Keys that cannot be carried over, so that somebody has to decide. */
export const blockedKeyRule: FindingRule = {
  code: 'BLOCKED_KEY',
  title: 'A Compose key cannot be carried over, and the service needs it',
  severity: 'block',
  check({ coverage }) {
    // A build without an image has a finding of its own.
    const blocked = coverage.items.filter(
      ({ status, path }) => status === 'blocked' && !/^services\.[^.]+\.build\b/.test(path),
    );
    // The items below a blocked key share its fate; one finding for the key is enough.
    const tops = blocked.filter(
      (item) =>
        !blocked.some(
          (other) =>
            item !== other &&
            item.path.startsWith(other.path) &&
            /^[.[]/.test(item.path.slice(other.path.length)),
        ),
    );
    return tops.map((item) => ({
      severity: 'block' as const,
      message: `${item.path}: ${item.reason}`,
      hint: item.advice ?? 'Remove it, or run this service elsewhere.',
      path: item.path,
      position: { file: item.file, line: item.line, column: item.column },
    }));
  },
};
