import type { Position } from '../compose/tree.ts';
import type { Coverage } from '../mapping/coverage.ts';
import type { Promotion } from '../mapping/want.ts';

/** block: must not be deployed; warn: works, but not as before; info: worth knowing. */
export type Severity = 'block' | 'warn' | 'info';

export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly hint: string;
  readonly path?: string;
  readonly position?: Position;
}

/** Everything a rule may look at. */
export interface Evidence {
  readonly promotion: Promotion;
  readonly coverage: Coverage;
  readonly templateText: string;
  readonly parameterCount: number;
  /** Every secret value of the environment, and the ones of the input, to prove that none is in the template. */
  readonly secretValues: readonly string[];
  /** Public and weak secrets of the input; none may be the value of a variable that is no Secret. */
  readonly weakValues: ReadonlySet<string>;
}

export type FindingDraft = Omit<Finding, 'code'>;

/** One rule. Its title and advice stand in the manual. */
export interface FindingRule {
  readonly code: string;
  readonly title: string;
  readonly severity: Severity | 'warn or block' | 'info or warn';
  check(evidence: Evidence): FindingDraft[];
}
