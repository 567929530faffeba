import type { FindingDraft, FindingRule } from './finding.ts';

/** What the deployment still has to choose. */
export const openChoiceRule: FindingRule = {
  code: 'OPEN_CHOICE',
  title: 'A choice is left to the deployment',
  severity: 'info',
  check({ promotion }) {
    const findings: FindingDraft[] = [];
    const { target, targetName, want } = promotion;
    if (target.zones.length < 2) {
      findings.push({
        severity: 'info',
        message: 'the zones are chosen at the deployment',
        hint: `Set targets.${targetName}.zones to two zones of ${target.region}.`,
      });
    }
    if (want.edge === undefined) {
      findings.push({
        severity: 'info',
        message: 'no service publishes a port, so the target has no load balancer',
        hint: 'Publish the port of the service that users reach.',
      });
    }
    return findings;
  },
};
