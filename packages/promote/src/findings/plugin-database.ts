import type { FindingRule } from './finding.ts';
import { servicesOf, settingOf } from './settings.ts';

/** The plugin daemon needs a database of its own, made before it starts. */
export const pluginDatabaseRule: FindingRule = {
  code: 'PLUGIN_DATABASE',
  title: 'The plugin daemon needs a database of its own that exists',
  severity: 'block',
  check({ promotion }) {
    const main = servicesOf(promotion, 'api').map((service) => settingOf(service, 'DB_DATABASE'))[0];
    return servicesOf(promotion, 'pluginDaemon').flatMap((service) => {
      const own = settingOf(service, 'DB_DATABASE');
      const place = { path: `${service.path}.environment`, position: service.position };
      if (own !== undefined && own === main) {
        return [
          {
            severity: 'block' as const,
            message: `${service.name} uses the database ${own} of the api; both would make tables of the same names`,
            hint: 'Set DB_PLUGIN_DATABASE to a name of its own, for example dify_plugin.',
            ...place,
          },
        ];
      }
      const made = promotion.want.database?.databases;
      if (made === undefined || own === undefined || made.includes(own)) return [];
      return [
        {
          severity: 'block' as const,
          message: `the database ${own} of ${service.name} is not made by the template`,
          hint: 'Name it in postgres.databases of sampan.yaml.',
          ...place,
        },
      ];
    });
  },
};
