import { findFreePorts } from '@sampan/base';
import type { Config, Plan, ProxyShare } from '@sampan/config';
import type { WantedPort } from './ports.ts';

/** Everything but the dedicated address of the emulator listens here. */
export const loopback = '127.0.0.1';

/** A configuration with its plan. */
export interface Planned {
  readonly config: Config;
  readonly plan: Plan;
}

/** Every port that `sampan.yaml` wants bound, with the option that moves it. */
export function wantedPorts({ config, plan }: Planned): WantedPort[] {
  const at = (port: number, service: string, option: string): WantedPort => ({
    host: loopback,
    port,
    service,
    option,
  });
  const wanted = [at(config.postgres.port, 'PostgreSQL', 'postgres.port')];
  if (config.sls.enabled) {
    wanted.push(at(config.sls.httpPort, 'SLS over HTTP', 'sls.httpPort'));
    wanted.push(at(config.sls.pgPort, 'SLS over the PostgreSQL protocol', 'sls.pgPort'));
  }
  for (const { component, listenPort } of plan.proxy?.shares ?? []) {
    const service = component === 'other' ? 'pool proxy' : `pool proxy for ${component}`;
    wanted.push(at(listenPort, service, optionOf(component)));
  }
  return wanted;
}

/** The same configuration and plan with a free port in the place of every 0. */
export async function withFreePorts(planned: Planned): Promise<Planned> {
  const { config, plan } = planned;
  const open = wantedPorts(planned).filter(({ port }) => port === 0);
  const free = await findFreePorts(loopback, open.length);
  const chosen = new Map(open.map(({ option }, at) => [option, free[at]]));
  const portOf = (option: string, port: number): number => chosen.get(option) ?? port;
  const shares = plan.proxy?.shares.map((share) => ({
    ...share,
    listenPort: portOf(optionOf(share.component), share.listenPort),
  }));
  return {
    config: {
      ...config,
      postgres: { ...config.postgres, port: portOf('postgres.port', config.postgres.port) },
      pgproxy: { ...config.pgproxy, port: portOf('pgproxy.port', config.pgproxy.port) },
      sls: {
        ...config.sls,
        httpPort: portOf('sls.httpPort', config.sls.httpPort),
        pgPort: portOf('sls.pgPort', config.sls.pgPort),
      },
    },
    plan:
      plan.proxy === undefined || shares === undefined ? plan : { ...plan, proxy: { ...plan.proxy, shares } },
  };
}

function optionOf(component: ProxyShare['component']): string {
  return component === 'other' ? 'pgproxy.port' : `pgproxy.components.${component}.port`;
}
