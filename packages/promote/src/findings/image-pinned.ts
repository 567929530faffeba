import { imageTag } from '../mapping/roles.ts';
import type { FindingRule } from './finding.ts';

/** A tag that moves makes a deployment unrepeatable and a rollback impossible. */
export const imagePinnedRule: FindingRule = {
  code: 'IMAGE_NOT_PINNED',
  title: 'An image has no fixed version',
  severity: 'warn',
  check({ promotion }) {
    return promotion.want.applications.flatMap(({ service, image }) => {
      if (image === '' || image.includes('@sha256:')) return [];
      const tag = imageTag(image);
      if (tag !== undefined && tag !== 'latest') return [];
      const found = promotion.services.find(({ name }) => name === service);
      return [
        {
          severity: 'warn' as const,
          message: `${service} runs ${image}, which is another image tomorrow`,
          hint: 'Name a version, or a digest.',
          ...(found === undefined ? {} : { path: `${found.path}.image`, position: found.position }),
        },
      ];
    });
  },
};
