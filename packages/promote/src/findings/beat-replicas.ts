import type { FindingRule } from './finding.ts';
import { servicesOf } from './settings.ts';

/** Two schedulers run every periodic task twice. */
export const beatReplicasRule: FindingRule = {
  code: 'BEAT_REPLICAS',
  title: 'The scheduler must run exactly once',
  severity: 'block',
  check({ promotion }) {
    const beats = promotion.want.applications.filter(({ role }) => role === 'workerBeat');
    const services = servicesOf(promotion, 'workerBeat');
    const asked = services.filter((service) => (service.resources.replicas ?? 1) !== 1);
    const isOnce = beats.every(({ replicas }) => replicas === 1) && beats.length <= 1 && asked.length === 0;
    if (isOnce) return [];
    return services.map((service) => ({
      severity: 'block' as const,
      message: `${service.name} would run ${service.resources.replicas ?? beats.length} times, and each one starts every scheduled task`,
      hint: 'Set deploy.replicas to 1, and keep one service with MODE: beat.',
      path: service.path,
      position: service.position,
    }));
  },
};
