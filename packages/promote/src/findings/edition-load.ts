import type { FindingRule } from './finding.ts';

/** The vendor gives 200 as the ceiling of the high-availability edition. */
const highAvailabilityMax = 200;

export const editionLoadRule: FindingRule = {
  code: 'EDITION_LOAD',
  title: 'The edition is not meant for this load',
  severity: 'warn or block',
  check({ promotion }) {
    const { edition } = promotion.target;
    const { qps } = promotion.plan;
    if (!promotion.want.isDify) return [];
    if (edition === 'test' && qps > 10) {
      return [
        {
          severity: 'warn',
          message: `the test edition is meant to try Dify out, not for ${qps} runs per second`,
          hint: `Set targets.${promotion.targetName}.edition to high-availability.`,
        },
      ];
    }
    if (edition !== 'high-availability' || qps <= highAvailabilityMax) return [];
    return [
      {
        severity: 'warn',
        message: `${qps} runs per second is more than the high-availability edition is published for (${highAvailabilityMax})`,
        hint: `Set targets.${promotion.targetName}.edition to high-performance, with its patched images.`,
      },
    ];
  },
};
