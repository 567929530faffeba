import type { Config, Plan, ProxyShare } from '@sampan/config';
import { findFreePorts, type WantedPort } from './ports.ts';

/** Everything but the dedicated address of the emulator listens here. */
export const loopback = '127.0.0.1';

/** The ports of one run, none of them 0. */
export interface StackPorts {
  readonly postgres: number;
  readonly slsHttp: number;
  readonly slsPg: number;
  /** By component; `other` is the proxy's own port. */
  readonly proxy: ReadonlyMap<ProxyShare['component'], number>;
}

/** Every port that `sampan.yaml` wants bound, with the option that moves it. */
export function wantedPorts(config: Config, plan: Plan): WantedPort[] {
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
    if (component === 'other') wanted.push(at(listenPort, 'pool proxy', 'pgproxy.port'));
    else wanted.push(at(listenPort, `pool proxy for ${component}`, `pgproxy.components.${component}.port`));
  }
  return wanted;
}

/** Replaces every port 0 by a free one. */
export async function choosePorts(config: Config, plan: Plan): Promise<StackPorts> {
  const wanted = wantedPorts(config, plan);
  const free = await findFreePorts(loopback, wanted.filter(({ port }) => port === 0).length);
  const chosen = new Map(wanted.map(({ option, port }) => [option, port === 0 ? (free.pop() ?? 0) : port]));
  const of = (option: string): number => chosen.get(option) ?? 0;
  return {
    postgres: of('postgres.port'),
    slsHttp: of('sls.httpPort'),
    slsPg: of('sls.pgPort'),
    proxy: new Map(
      (plan.proxy?.shares ?? []).map(({ component }) => [
        component,
        of(component === 'other' ? 'pgproxy.port' : `pgproxy.components.${component}.port`),
      ]),
    ),
  };
}
