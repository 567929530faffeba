import type { Role } from '../mapping/roles.ts';
import type { FindingDraft, FindingRule } from './finding.ts';

const stores: readonly Role[] = ['postgres', 'redis', 'mysql', 'database', 'vector'];

/** Databases as SAE applications have one instance, files on NAS and no backup. */
export const dataStoreRule: FindingRule = {
  code: 'DATA_STORE',
  title: 'A data store runs as an SAE application, or its data is not moved',
  severity: 'info or warn',
  check({ promotion }) {
    const isTest = promotion.target.edition === 'test';
    const applications: FindingDraft[] = promotion.want.applications
      .filter(({ role }) => stores.includes(role))
      .map(({ service, name }) => {
        const found = promotion.services.find((entry) => entry.name === service);
        return {
          severity: isTest ? ('info' as const) : ('warn' as const),
          message: `${name} is a data store on NAS: one instance, no backup, slower than a managed one`,
          hint: isTest
            ? 'Good for tests. Promote with another edition for production.'
            : 'Use the managed service of its kind.',
          ...(found === undefined ? {} : { path: found.path, position: found.position }),
        };
      });
    const { database, redis, usesTablestore } = promotion.want;
    if (database === undefined && redis === undefined) return applications;
    return [
      ...applications,
      {
        severity: 'info',
        message: `the managed data stores begin empty${usesTablestore ? '; knowledge bases must be indexed again in Tablestore' : ''}`,
        hint: 'Move data with pg_dump and pg_restore before users arrive.',
      },
    ];
  },
};
