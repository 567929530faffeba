import type { FindingRule } from './finding.ts';
import { groupBy } from './group.ts';

const vital = new Set(['DB_HOST', 'REDIS_HOST', 'CELERY_BROKER_URL']);

/** Values that name a service which the target does not have. */
export const deadReferenceRule: FindingRule = {
  code: 'DEAD_REFERENCE',
  title: 'A value names a service that does not exist in the target',
  severity: 'warn or block',
  check({ promotion }) {
    const byVariable = groupBy(promotion.deadReferences, ({ variable }) => variable.name);
    return [...byVariable].map(([name, uses]) => {
      const names = [...new Set(uses.flatMap((use) => use.names))].join(', ');
      const first = uses[0]?.variable;
      return {
        severity: vital.has(name) ? ('block' as const) : ('warn' as const),
        message: `${name} names ${names}, which is not promoted`,
        hint: `Activate its profile with COMPOSE_PROFILES, or change ${name}.`,
        ...(first === undefined ? {} : { path: first.path, position: first.position }),
      };
    });
  },
};
