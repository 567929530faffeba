import type { ComponentPlan, Plan } from '@sampan/config';
import type { Role } from './roles.ts';
import type { WantApplication } from './want.ts';

/** Roles whose load varies, the one that profits most first. The scheduler stays alone; data stores do not scale so. */
const scalable: readonly Role[] = [
  'worker',
  'api',
  'pluginDaemon',
  'apiWebsocket',
  'nginx',
  'web',
  'sandbox',
];
const replicasMax = 50;
/** Part of the database's connections that may be planned for. */
const safePart = 0.9;

/**
 * Gives every scalable application a rule with the planned count as minimum and at most twice that as maximum. What
 * the database has left is handed out one replica at a time, so that it also holds when everything has scaled out.
 */
export function addScaling(applications: readonly WantApplication[], plan: Plan): WantApplication[] {
  const maxima = new Map(applications.map(({ service, replicas }) => [service, replicas]));
  const queue = scalable.flatMap((role) => applications.filter((application) => application.role === role));
  let left = safePart * plan.postgresMaxConnections - connectionsOf(plan);
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false;
    for (const application of queue) {
      const now = maxima.get(application.service) ?? application.replicas;
      const cost = costOf(plan, application.role);
      if (now >= Math.min(replicasMax, application.replicas * 2) || cost > left) continue;
      maxima.set(application.service, now + 1);
      left -= cost;
      isGrowing = true;
    }
  }
  return applications.map((application) => {
    const maxReplicas = maxima.get(application.service) ?? application.replicas;
    if (maxReplicas <= application.replicas) return application;
    const isStream = application.role === 'nginx' || application.role === 'api';
    return {
      ...application,
      scaling: {
        minReplicas: application.replicas,
        maxReplicas,
        cpuPercent: 70,
        ...(isStream ? { tcpConnections: application.role === 'nginx' ? 2000 : 500 } : {}),
      },
    };
  });
}

/** Connections that one more replica may open at the database. Behind the pool proxy it is none. */
function costOf(plan: Plan, role: Role): number {
  const component = plan.components.find(({ name }) => name === role);
  return component === undefined || plan.route === 'proxy' ? 0 : perReplica(component);
}

const perReplica = ({ replicas, connections }: ComponentPlan): number =>
  replicas === 0 ? 0 : connections / replicas;

/** Connections that all components may open together. */
export function connectionsOf(plan: Plan): number {
  return plan.components.reduce((sum, { connections }) => sum + connections, 0);
}
