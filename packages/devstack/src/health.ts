import { connect } from 'node:net';
import type { Addresses } from './addresses.ts';

/** Whether something accepts connections at one address of the stack. */
export interface Health {
  readonly service: string;
  readonly address: string;
  readonly isAnswering: boolean;
}

/** Tries to connect to every address of the stack. */
export function checkHealth(addresses: Addresses, timeoutMs = 1000): Promise<Health[]> {
  const { postgres, proxy, components, sls } = addresses;
  const targets: [service: string, host: string, port: number][] = [
    ['PostgreSQL', postgres.host, postgres.port],
  ];
  if (proxy !== undefined) {
    targets.push(['pool proxy', proxy.host, proxy.port]);
    for (const { name, port } of components) targets.push([`pool proxy, ${name}`, proxy.host, port]);
  }
  if (sls !== undefined) {
    targets.push(['SLS over HTTP', sls.host, sls.httpPort], ['SLS over PostgreSQL', sls.host, sls.pgPort]);
    if (sls.dedicated !== undefined) {
      const { host, hasPg } = sls.dedicated;
      targets.push(['SLS over HTTP', host, 80]);
      if (hasPg) targets.push(['SLS over PostgreSQL', host, 5432]);
    }
  }
  return Promise.all(
    targets.map(async ([service, host, port]) => ({
      service,
      address: `${host}:${port}`,
      isAnswering: await answers({ host, port, timeoutMs }),
    })),
  );
}

function answers({
  timeoutMs,
  ...target
}: {
  host: string;
  port: number;
  timeoutMs: number;
}): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: timeoutMs });
    const done = (isAnswering: boolean) => (): void => {
      socket.destroy();
      resolve(isAnswering);
    };
    socket.once('connect', done(true));
    socket.once('error', done(false));
    socket.once('timeout', done(false));
  });
}
