import { child, textOf } from '../compose/tree.ts';
import type { FindingDraft, FindingRule } from './finding.ts';
import { servicesOf } from './settings.ts';

/** Compose networks separate services; a namespace does not. */
export const networkIsolationRule: FindingRule = {
  code: 'NETWORK_ISOLATION',
  title: 'Services that Compose keeps apart reach each other in the target',
  severity: 'info or warn',
  check({ promotion }) {
    const findings: FindingDraft[] = [];
    const networks = child(promotion.project.root, 'networks');
    for (const entry of networks?.kind === 'map' ? networks.entries : []) {
      if (textOf(child(entry.node, 'internal')) !== 'true') continue;
      findings.push({
        severity: 'info',
        message: `the network ${entry.key} has no way out in Compose; in the target its services reach the internet through NAT`,
        hint: 'Keep the egress proxy, or narrow the security group by hand.',
        path: `networks.${entry.key}`,
        position: entry.keyPosition,
      });
    }
    const hasProxy = servicesOf(promotion, 'squid').length > 0;
    if (promotion.want.isDify && !hasProxy) {
      findings.push({
        severity: 'warn',
        message: 'there is no egress proxy: code in the sandbox reaches every address inside the VPC',
        hint: 'Keep the ssrf_proxy service of Dify.',
      });
    }
    return findings;
  },
};
