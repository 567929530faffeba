import type { Role } from '../mapping/roles.ts';
import type { FindingRule } from './finding.ts';

const critical: readonly Role[] = ['nginx', 'api', 'web', 'worker', 'pluginDaemon', 'sandbox'];

/** The published sizes have single instances even where the edition is called highly available. */
export const singleInstanceRule: FindingRule = {
  code: 'SINGLE_INSTANCE',
  title: 'One instance of an application is a single point of failure',
  severity: 'info or warn',
  check({ promotion }) {
    if (promotion.target.edition === 'test') return [];
    const single = promotion.want.applications.filter(
      ({ role, replicas }) => replicas === 1 && critical.includes(role),
    );
    if (single.length === 0) return [];
    return [
      {
        severity: promotion.plan.loadClass >= 100 ? 'warn' : 'info',
        message: `one instance each, as published for this load: ${single.map(({ name }) => name).join(', ')}`,
        hint: `Set targets.${promotion.targetName}.components.<name>.replicas to 2 where a short outage matters.`,
      },
    ];
  },
};
