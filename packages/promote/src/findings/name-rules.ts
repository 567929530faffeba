import type { FindingDraft, FindingRule } from './finding.ts';
import { groupBy } from './group.ts';

const applicationName = /^[A-Za-z](?:[A-Za-z0-9-]{0,34}[A-Za-z0-9])?$/;

/** Names that SAE refuses, or that two services would share. */
export const nameRulesRule: FindingRule = {
  code: 'NAME_RULES',
  title: 'A name is not allowed in SAE, or stands for two services',
  severity: 'block',
  check({ promotion }) {
    const findings: FindingDraft[] = [];
    const owners = groupBy(promotion.want.applications, ({ name }) => name);
    for (const [name, applications] of owners) {
      const service = promotion.services.find((entry) => entry.name === applications[0]?.service);
      const place = service === undefined ? {} : { path: service.path, position: service.position };
      if (!applicationName.test(name)) {
        findings.push({
          severity: 'block',
          message: `the application name ${name} has ${name.length} characters or a character SAE refuses`,
          hint: 'At most 36 letters, digits and hyphens, a letter first. Rename the service, or shorten name in sampan.yaml.',
          ...place,
        });
      }
      if (applications.length > 1) {
        findings.push({
          severity: 'block',
          message: `the services ${applications.map((entry) => entry.service).join(' and ')} both become ${name}`,
          hint: 'Rename one of them.',
          ...place,
        });
      }
    }
    return findings;
  },
};
