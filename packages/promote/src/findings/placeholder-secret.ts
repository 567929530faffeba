import type { FindingRule } from './finding.ts';
import { groupBy } from './group.ts';

/** Credentials of outside services that were never filled in. */
export const placeholderSecretRule: FindingRule = {
  code: 'PLACEHOLDER_SECRET',
  title: 'A credential of an outside service is still the placeholder of the example file',
  severity: 'warn',
  check({ promotion }) {
    const kept = promotion.weakSecrets.filter(({ outcome }) => outcome === 'kept');
    const byVariable = groupBy(kept, ({ variable }) => variable);
    return [...byVariable].map(([variable, uses]) => ({
      severity: 'warn' as const,
      message: `${variable} of ${uses.map(({ service }) => service).join(', ')} is a placeholder; what needs it will fail`,
      hint: `Set ${variable} in the env file, or switch the feature off.`,
      ...(uses[0] === undefined ? {} : { path: uses[0].path, position: uses[0].position }),
    }));
  },
};
