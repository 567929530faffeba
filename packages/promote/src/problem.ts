import type { Position } from './compose/tree.ts';
import type { PromoteErrorCode } from './errors.ts';

/** Something in the input that stops the promotion before there is a plan. */
export interface Problem {
  readonly code: PromoteErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly position?: Position;
}

/** Collects problems, at most `problemsMax`, so that hostile input cannot fill the memory with messages. */
export interface ProblemList {
  readonly problems: readonly Problem[];
  add(problem: Problem): void;
}

const problemsMax = 200;

export function createProblemList(): ProblemList {
  const problems: Problem[] = [];
  return {
    problems,
    add(problem) {
      if (problems.length < problemsMax) problems.push(problem);
    },
  };
}
