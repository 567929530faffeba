import type { FindingRule } from './finding.ts';
import { groupBy } from './group.ts';

/** Compose warns about these as well, and uses an empty text. */
export const unsetVariableRule: FindingRule = {
  code: 'UNSET_VARIABLE',
  title: 'A variable of the Compose file is not set and has no default',
  severity: 'warn',
  check({ promotion }) {
    const byName = groupBy(promotion.project.unset, ({ name }) => name);
    return [...byName].map(([name, uses]) => ({
      severity: 'warn' as const,
      message: `${name} is not set; it is empty in the target${uses.length > 1 ? ` (${uses.length} places)` : ''}`,
      hint: `Set ${name} in the env file.`,
      ...(uses[0] === undefined ? {} : { position: uses[0].position }),
    }));
  },
};
