import type { configErrors } from './errors.ts';

export type ProblemCode = keyof (typeof configErrors)['specs'];

/** Keys from the root of `sampan.yaml` down to a value. */
export type KeyPath = readonly (string | number)[];

/** A place in the file, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something wrong with the file (error) or worth knowing (warning). */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: 'error' | 'warning';
  readonly path: KeyPath;
  /** What is wrong, with the value and what is allowed. */
  readonly message: string;
  /** What to do. */
  readonly hint?: string;
  /** Where; absent when no place in the file is to blame, as for a planner default. */
  readonly position?: Position;
  /** The environment variable that supplied the value, when it did not come from the file. */
  readonly variable?: string;
}
