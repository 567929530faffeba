import type { Plan } from '@sampan/config';
import type { PgProxyOptions } from '@sampan/pgproxy';
import { loopback, type StackPorts } from '../stack-ports.ts';

/** The options of the local proxy: shares as planned, and one login that clients and the proxy itself use. */
export function proxyOptionsOf(options: {
  plan: Plan;
  ports: StackPorts;
  user: string;
  password: string;
}): PgProxyOptions | undefined {
  const { plan, ports, user, password } = options;
  if (plan.proxy === undefined) return undefined;
  const { serverConnections, clientConnectionsMax, shares } = plan.proxy;
  const other = shares.find(({ component }) => component === 'other');
  const limits = (share: (typeof shares)[number]) => ({
    guaranteed: share.guaranteed,
    max: share.max,
    weight: share.weight,
    queueMax: share.queueMax,
    queueTimeoutMs: share.queueTimeoutMs,
  });
  return {
    listen: { host: loopback, port: ports.proxy.get('other') ?? 0 },
    server: { host: loopback, port: ports.postgres, connections: serverConnections, user, password },
    users: [{ name: user, password, auth: 'scram' }],
    adminUsers: [user],
    poolMode: 'transaction',
    clientConnectionsMax,
    components: shares
      .filter(({ component }) => component !== 'other')
      .map((share) => {
        const listenPort = ports.proxy.get(share.component) ?? 0;
        return { name: share.component, match: { port: listenPort }, listenPort, ...limits(share) };
      }),
    ...(other === undefined ? {} : { defaultComponent: { name: 'other', match: {}, ...limits(other) } }),
  };
}
