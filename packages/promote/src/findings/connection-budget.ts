import type { FindingRule } from './finding.ts';

/** The planner's invariants: connections, shares, request slots. */
export const connectionBudgetRule: FindingRule = {
  code: 'CONNECTION_BUDGET',
  title: 'The plan of the target breaks one of its invariants',
  severity: 'warn or block',
  check({ promotion }) {
    if (!promotion.want.isDify) return [];
    return promotion.plan.problems.map((problem) => ({
      severity: problem.severity === 'error' ? ('block' as const) : ('warn' as const),
      message: problem.message,
      hint: problem.hint ?? 'Run `pnpm plan` for the numbers.',
      path: problem.path.join('.'),
    }));
  },
};
