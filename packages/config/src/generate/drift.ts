import { configErrors } from '../errors.ts';
import type { GeneratedFile } from './file.ts';

/** How one generated file differs from what the configuration gives. */
export interface Drift {
  readonly path: string;
  readonly kind: 'missing' | 'changed' | 'left over';
  /** First line that differs, counted from 1; only of a changed file. */
  readonly line?: number;
}

/** Compares what should be on disk with what is; `actual` maps every present path to its text. */
export function checkDrift(expected: readonly GeneratedFile[], actual: ReadonlyMap<string, string>): Drift[] {
  const drifts: Drift[] = [];
  for (const { path, text } of expected) {
    const present = actual.get(path);
    if (present === undefined) drifts.push({ path, kind: 'missing' });
    else if (present !== text) drifts.push({ path, kind: 'changed', line: firstDifference(text, present) });
  }
  const known = new Set(expected.map(({ path }) => path));
  for (const path of actual.keys()) if (!known.has(path)) drifts.push({ path, kind: 'left over' });
  return drifts;
}

/** Throws `CONFIG_DRIFT`, naming files and lines but no values, which may be secret. */
export function assertNoDrift(expected: readonly GeneratedFile[], actual: ReadonlyMap<string, string>): void {
  const drifts = checkDrift(expected, actual);
  if (drifts.length === 0) return;
  const list = drifts.map(
    ({ path, kind, line }) => `${path} ${kind}${line === undefined ? '' : ` from line ${line} on`}`,
  );
  throw configErrors.create('CONFIG_DRIFT', {
    message: `generated files do not follow from sampan.yaml: ${list.join('; ')}`,
    hint: 'Run `pnpm generate`.',
  });
}

function firstDifference(expected: string, actual: string): number {
  const lines = actual.split('\n');
  const index = expected.split('\n').findIndex((line, at) => line !== lines[at]);
  return index === -1 ? expected.split('\n').length + 1 : index + 1;
}
