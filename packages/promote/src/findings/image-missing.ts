import type { FindingRule } from './finding.ts';

/** SAE runs images; it builds none. */
export const imageMissingRule: FindingRule = {
  code: 'IMAGE_MISSING',
  title: 'A service has no image to deploy',
  severity: 'block',
  check({ promotion }) {
    return promotion.want.applications.flatMap(({ service, image }) => {
      const found = promotion.services.find(({ name }) => name === service);
      if (image !== '' || found === undefined) return [];
      return [
        {
          severity: 'block' as const,
          message: found.hasBuild
            ? `${service} is built locally and has no image name`
            : `${service} names no image`,
          hint: 'Push the built image to a registry, and name it under image.',
          path: `${found.path}.${found.hasBuild ? 'build' : 'image'}`,
          position: found.position,
        },
      ];
    });
  },
};
