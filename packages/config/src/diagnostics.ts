import type { KeyPath, Problem } from './problem.ts';

/** `targets.prod.zones[0]`; keys that are not words are quoted. */
export function formatPath(path: KeyPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else {
      const name = /^[\w-]+$/.test(segment) ? segment : JSON.stringify(segment);
      text += text === '' ? name : `.${name}`;
    }
  }
  return text === '' ? 'the file' : text;
}

/** A value as messages show it: short, on one line, sections and lists only named. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a section';
  if (typeof value !== 'string') return String(value);
  const text = value.length > 60 ? `${value.slice(0, 57)}...` : value;
  return JSON.stringify(text);
}

/** `10, 100 or 200`. */
export function joinAlternatives(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

/**
 * One line per problem as compilers print it, `file:line:column severity CODE message`, in file order, each
 * followed by an indented line with what to do. Ends with a newline unless there are no problems.
 */
export function renderProblems(problems: readonly Problem[], file: string): string {
  return sortProblems(problems)
    .map((problem) => {
      const head = `${placeOf(problem, file)} ${problem.severity} ${problem.code} ${problem.message}\n`;
      return problem.hint === undefined ? head : `${head}  ${problem.hint}\n`;
    })
    .join('');
}

/** Problems in the order of the file; those without a place come last. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(inFileOrder);
}

function placeOf({ position, variable }: Problem, file: string): string {
  if (variable !== undefined) return `${variable}:`;
  return position === undefined ? `${file}:` : `${file}:${position.line}:${position.column}`;
}

function inFileOrder({ position: left }: Problem, { position: right }: Problem): number {
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined);
  }
  return left.line - right.line || left.column - right.column;
}
