import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { formatPath, showValue } from '../diagnostics.ts';
import type { KeyPath, Problem, ProblemCode } from '../problem.ts';
import { describeAllowed, keysOf, schemaAt } from '../schema/lookup.ts';

type Issue = z.core.$ZodIssue;

/** A problem that does not know its place yet; `part` says whether the key or the value is to blame. */
export interface UnplacedProblem extends Problem {
  readonly part: 'key' | 'value';
}

/** Turns what zod reports about `value` into our problems, one for each key or value. */
export function schemaProblems(root: z.ZodType, value: unknown, issues: readonly Issue[]): UnplacedProblem[] {
  return issues.flatMap((issue) => problemsOf(root, value, issue, issue.path as KeyPath));
}

function problemsOf(root: z.ZodType, value: unknown, issue: Issue, path: KeyPath): UnplacedProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(root, path, key));
  if (issue.code === 'invalid_key') return [badName(path, issue.issues[0]?.message ?? '')];
  if (issue.code === 'invalid_union') {
    const branch = matchingBranch(issue.errors as Issue[][]);
    if (branch !== undefined) {
      return branch.flatMap((inner) => problemsOf(root, value, inner, [...path, ...(inner.path as KeyPath)]));
    }
  }
  return [badValue(root, path, valueAt(value, path), issue)];
}

/** The alternative that accepts the value's kind and complains about something inside it. */
function matchingBranch(branches: Issue[][]): Issue[] | undefined {
  return branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
}

function badValue(root: z.ZodType, path: KeyPath, value: unknown, issue: Issue): UnplacedProblem {
  const schema = schemaAt(root, path);
  const allowed = schema === undefined ? issue.message : describeAllowed(schema);
  const name = formatPath(path);
  const message = `${name} ${stateOf(value)}; it must be ${allowed}`;
  const problem = { code: codeOf(issue, value), severity: 'error', path, message, part: 'value' } as const;
  const isQuotedNumber = typeof value === 'string' && schema?.safeParse(Number(value)).success === true;
  return isQuotedNumber ? { ...problem, hint: 'Write the number without quotes.' } : problem;
}

function stateOf(value: unknown): string {
  if (value === undefined) return 'is missing';
  return value === null ? 'has no value' : `is ${showValue(value)}`;
}

function codeOf(issue: Issue, value: unknown): ProblemCode {
  if (value === null || value === undefined) return 'CONFIG_EMPTY_VALUE';
  switch (issue.code) {
    case 'too_big':
    case 'too_small':
      return 'CONFIG_OUT_OF_RANGE';
    case 'invalid_value':
      return 'CONFIG_VALUE_NOT_ALLOWED';
    case 'invalid_format':
      return 'CONFIG_BAD_FORMAT';
    case 'invalid_union':
      return typeof value === 'object' ? 'CONFIG_WRONG_TYPE' : 'CONFIG_VALUE_NOT_ALLOWED';
    default:
      return 'CONFIG_WRONG_TYPE';
  }
}

function badName(path: KeyPath, form: string): UnplacedProblem {
  const name = String(path.at(-1));
  const message = `${JSON.stringify(name)} in ${formatPath(path.slice(0, -1))} is not a possible name; it must be ${form}`;
  return { code: 'CONFIG_BAD_FORMAT', severity: 'error', path, message, part: 'key' };
}

function unknownKey(root: z.ZodType, parent: KeyPath, key: string): UnplacedProblem {
  const path = [...parent, key];
  const schema = schemaAt(root, parent);
  const known = schema === undefined ? [] : keysOf(schema);
  const nearest = nearestKey(key, known);
  const advice = nearest === undefined ? `allowed here: ${known.join(', ')}` : `did you mean ${nearest}?`;
  const message = `${formatPath(path)} is not an option; ${advice}`;
  return { code: 'CONFIG_UNKNOWN_KEY', severity: 'error', path, message, part: 'key' };
}

/** The option a typo meant. Case, `_` and `-` do not count; one letter in three may be wrong, two at least. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, '');
  const ranked = known
    .map((name) => ({ name, steps: distance(plain(key), plain(name)) }))
    .toSorted((left, right) => left.steps - right.steps);
  const [best] = ranked;
  if (best === undefined) return undefined;
  const length = plain(best.name).length;
  return best.steps <= (length < 4 ? 1 : Math.max(2, Math.floor(length / 3))) ? best.name : undefined;
}

/** The value at `path` of plain data; undefined when the path leads nowhere. */
export function valueAt(value: unknown, path: KeyPath): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<string | number, unknown>)[segment];
  }
  return current;
}
