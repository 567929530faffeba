import type { FindingRule } from './finding.ts';
import { groupBy } from './group.ts';

/** Secrets that anybody can look up. */
export const publicSecretRule: FindingRule = {
  code: 'PUBLIC_SECRET',
  title: 'A secret of the input is public or weak; a new one is made for the target',
  severity: 'warn',
  check({ promotion }) {
    const replaced = promotion.weakSecrets.filter(({ outcome }) => outcome === 'replaced');
    const bySlot = groupBy(replaced, ({ slot }) => slot ?? '');
    return [...bySlot].map(([slot, uses]) => {
      const first = uses[0];
      const names = [...new Set(uses.map((use) => `${use.service}.${use.variable}`))];
      return {
        severity: 'warn' as const,
        message: `${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}: ${first?.why ?? 'weak'}; the target gets its own, parameter ${slot}`,
        hint: 'Nothing to do for the target. Change it locally too, if others can reach your machine.',
        ...(first === undefined ? {} : { path: first.path, position: first.position }),
      };
    });
  },
};
