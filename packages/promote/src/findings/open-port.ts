import type { Role } from '../mapping/roles.ts';
import type { FindingRule } from './finding.ts';

const stores: readonly Role[] = ['postgres', 'redis', 'mysql', 'database', 'vector'];

/** Published ports: what the world reaches before and after the promotion. */
export const openPortRule: FindingRule = {
  code: 'OPEN_PORT',
  title: 'A published port of the input is not reachable from outside in the target',
  severity: 'info or warn',
  check({ promotion }) {
    const { edge } = promotion.want;
    return promotion.services.flatMap((service) =>
      service.ports.flatMap((port) => {
        const isLocal = port.hostIp === '127.0.0.1' || port.hostIp === '[::1]';
        if (isLocal || (edge?.service === service.name && edge.port === port.target)) return [];
        const isStore = stores.includes(promotion.roles.get(service.name) ?? 'app');
        return [
          {
            severity: isStore ? ('warn' as const) : ('info' as const),
            message: `${service.name} publishes port ${port.published ?? port.target} on every address; the target keeps it inside the VPC`,
            hint: isStore
              ? 'Bind it to 127.0.0.1 locally as well: a data store needs no public port.'
              : 'Reach it through the edge service, or bind it to a load balancer by hand.',
            path: port.path,
            position: port.position,
          },
        ];
      }),
    );
  },
};
