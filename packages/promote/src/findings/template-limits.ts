import { templateLimits } from '../template/emit.ts';
import type { FindingDraft, FindingRule } from './finding.ts';

/** ROS refuses larger templates. */
export const templateLimitsRule: FindingRule = {
  code: 'TEMPLATE_LIMITS',
  title: 'The template exceeds a limit of ROS',
  severity: 'block',
  check({ templateText, parameterCount }) {
    const findings: FindingDraft[] = [];
    const bytes = Buffer.byteLength(templateText);
    if (bytes > templateLimits.bytes) {
      findings.push({
        severity: 'block',
        message: `the template has ${bytes} bytes, ROS allows ${templateLimits.bytes}`,
        hint: 'Move long configuration files into the image.',
      });
    }
    if (parameterCount > templateLimits.parameters) {
      findings.push({
        severity: 'block',
        message: `the template has ${parameterCount} parameters, ROS allows ${templateLimits.parameters}`,
        hint: 'Remove secrets that the services do not need.',
      });
    }
    return findings;
  },
};
