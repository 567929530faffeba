import type { FindingRule } from './finding.ts';
import { servicesOf, settingOf } from './settings.ts';

/** Any website may call the console with the cookies of its visitors. */
export const corsOpenRule: FindingRule = {
  code: 'CORS_OPEN',
  title: 'Every website may call the console',
  severity: 'warn',
  check({ promotion }) {
    return servicesOf(promotion, 'api').flatMap((service) =>
      settingOf(service, 'CONSOLE_CORS_ALLOW_ORIGINS') === '*'
        ? [
            {
              severity: 'warn' as const,
              message: 'CONSOLE_CORS_ALLOW_ORIGINS is *, so every website may call the console of a visitor',
              hint: 'Set it to the address of your console once it is known.',
              path: `${service.path}.environment.CONSOLE_CORS_ALLOW_ORIGINS`,
              position: service.position,
            },
          ]
        : [],
    );
  },
};
