import { isLegalSize, nearestLegalSizes } from '@sampan/config';
import type { FindingDraft, FindingRule } from './finding.ts';

/** SAE sells certain pairs of CPU and memory only. */
export const sizePairRule: FindingRule = {
  code: 'SIZE_PAIR',
  title: 'SAE does not offer this pair of CPU and memory',
  severity: 'info or warn',
  check({ promotion }) {
    return promotion.want.applications.flatMap((application): FindingDraft[] => {
      const service = promotion.services.find(({ name }) => name === application.service);
      const place = service === undefined ? {} : { path: service.path, position: service.position };
      const size = { cpuMillicores: application.cpu, memoryMb: application.memory };
      if (!isLegalSize(size)) {
        const nearest = nearestLegalSizes(size).map((pair) => `${pair.cpuMillicores}/${pair.memoryMb}`);
        return [
          {
            severity: 'block' as const,
            message: `${application.name}: ${application.cpu} millicores with ${application.memory} MB is not offered`,
            hint: `Choose ${nearest.join(' or ')}.`,
            ...place,
          },
        ];
      }
      const { cpus, memoryBytes } = service?.resources ?? {};
      const memory = memoryBytes === undefined ? undefined : memoryBytes / 1024 / 1024;
      const isExact =
        (cpus === undefined || cpus * 1000 === application.cpu) &&
        (memory === undefined || memory === application.memory);
      if (application.sizeSource !== 'compose' || isExact) return [];
      return [
        {
          severity: 'info' as const,
          message: `${application.name}: ${cpus ?? 'any number of'} CPUs and ${memory ?? 'any'} MB become ${application.cpu} millicores and ${application.memory} MB`,
          hint: 'Nothing to do; it is the smallest pair that covers both.',
          ...place,
        },
      ];
    });
  },
};
