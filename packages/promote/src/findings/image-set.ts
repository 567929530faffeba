import { imageName, imageTag } from '../mapping/roles.ts';
import { difyReleases } from '../sizes/dify-releases.ts';
import type { FindingDraft, FindingRule } from './finding.ts';

const parts: Readonly<Record<string, 'pluginDaemon' | 'sandbox'>> = {
  'dify-plugin-daemon': 'pluginDaemon',
  'dify-sandbox': 'sandbox',
};

/** Dify's parts are released together; mixed sets fail at run time. */
export const imageSetRule: FindingRule = {
  code: 'IMAGE_SET',
  title: 'The images of Dify do not belong to one release',
  severity: 'warn or block',
  check({ promotion }) {
    const images = promotion.services.flatMap((service) =>
      service.image === undefined
        ? []
        : [{ service, name: imageName(service.image), tag: imageTag(service.image) ?? 'latest' }],
    );
    const core = images.filter(({ name }) => name === 'dify-api' || name === 'dify-web');
    const versions = [...new Set(core.map(({ tag }) => tag))];
    const findings: FindingDraft[] = [];
    if (versions.length > 1) {
      const odd = core.find(({ tag }) => tag !== versions[0]);
      findings.push({
        severity: 'block',
        message: `api, worker and web come from different releases: ${versions.join(', ')}`,
        hint: 'Use one tag for dify-api and dify-web.',
        ...(odd === undefined ? {} : { path: `${odd.service.path}.image`, position: odd.service.position }),
      });
    }
    const release = difyReleases[versions[0] ?? ''];
    for (const { service, name, tag } of images) {
      const part = parts[name];
      if (part === undefined || release === undefined || release[part] === tag) continue;
      findings.push({
        severity: 'warn',
        message: `${service.name} runs ${tag}; Dify ${versions[0]} was released with ${release[part]}`,
        hint: 'Use the released set, unless you have tested this one.',
        path: `${service.path}.image`,
        position: service.position,
      });
    }
    return findings;
  },
};
