import { isLogstoreRepository, slsKeys, slsSelectors } from '../mapping/dify-logstore.ts';
import type { FindingRule } from './finding.ts';
import { servicesOf, settingOf } from './settings.ts';

/** The five SLS variables do nothing without the four repository selectors. */
export const slsSelectorsRule: FindingRule = {
  code: 'SLS_SELECTORS',
  title: 'The SLS keys are set, but Dify is not told to use them',
  severity: 'warn',
  check({ promotion }) {
    if (promotion.want.usesSls) return [];
    return servicesOf(promotion, 'api', 'worker').flatMap((service) => {
      const given = slsKeys.filter((name) => (settingOf(service, name) ?? '') !== '');
      if (given.length === 0) return [];
      const path = `${service.path}.environment`;
      if (given.length < slsKeys.length) {
        const absent = slsKeys.filter((name) => !given.includes(name));
        return [
          {
            severity: 'warn',
            message: `${service.name}: ${given.length} of 5 SLS variables are set, so Dify leaves SLS off`,
            hint: `Set ${absent.join(', ')} too, or none.`,
            path,
            position: service.position,
          },
        ];
      }
      const missing = Object.keys(slsSelectors).filter(
        (name) => !isLogstoreRepository(settingOf(service, name) ?? ''),
      );
      if (missing.length === 0) return [];
      return [
        {
          severity: 'warn',
          message: `${service.name}: the five SLS variables are set, but ${missing.length} of 4 selectors are not`,
          hint: `Set ${missing.join(', ')} to the logstore classes, or promote with sls: true.`,
          path,
          position: service.position,
        },
      ];
    });
  },
};
