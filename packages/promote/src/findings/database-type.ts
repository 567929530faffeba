import type { FindingRule } from './finding.ts';
import { servicesOf, settingOf } from './settings.ts';

/** The managed editions come with PostgreSQL. */
export const databaseTypeRule: FindingRule = {
  code: 'DATABASE_TYPE',
  title: 'Dify is set to a database that the edition does not have',
  severity: 'block',
  check({ promotion }) {
    if (promotion.target.edition === 'test') return [];
    return servicesOf(promotion, 'api').flatMap((service) => {
      const type = settingOf(service, 'DB_TYPE') ?? 'postgresql';
      if (type === 'postgresql') return [];
      return [
        {
          severity: 'block' as const,
          message: `DB_TYPE is ${type}; the ${promotion.target.edition} edition has RDS for PostgreSQL`,
          hint: 'Set DB_TYPE=postgresql, or promote with the test edition.',
          path: `${service.path}.environment.DB_TYPE`,
          position: service.position,
        },
      ];
    });
  },
};
