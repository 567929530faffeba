import { type Log, messageOf, systemCodeOf } from '@sampan/base';
import { slsEmulatorErrors } from './errors.ts';
import type { SlsOptions } from './options.ts';

/** A host with a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** One host on which the emulator answers; either protocol may be absent there. */
export interface Listener {
  readonly http: Address;
  readonly pg: Address | undefined;
}

/** Optional addresses may get only one of the two protocols. */
export type PartialListener = { readonly http: Address | undefined; readonly pg: Address | undefined };

interface Listening {
  listen(address: { host: string; port: number }): Promise<Address>;
}

export interface FrontEnds {
  readonly http: Listening;
  readonly pg: Listening | undefined;
}

export interface Listeners {
  readonly listeners: readonly [Listener, ...PartialListener[]];
  readonly refused: readonly { readonly address: Address; readonly reason: string }[];
}

/** Listens on the main address and on every extra one. Throws `SLS_PORT_BUSY` or `SLS_PORT_REFUSED`. */
export async function listenEverywhere(
  options: Pick<SlsOptions, 'http' | 'pg' | 'extraListeners'>,
  frontEnds: FrontEnds,
  log: Log,
): Promise<Listeners> {
  const http = await listen(frontEnds.http, addressOf(options.http), 'http.port (--port)');
  const pgOptions = options.pg === false ? undefined : addressOf(options.pg);
  const pg =
    frontEnds.pg === undefined || pgOptions === undefined
      ? undefined
      : await listen(frontEnds.pg, pgOptions, 'pg.port (--pg-port)');

  const extra: PartialListener[] = [];
  const refused: { address: Address; reason: string }[] = [];
  for (const { host, httpPort, pgPort, optional } of options.extraListeners ?? []) {
    const attempt = async (frontEnd: Listening | undefined, port: number): Promise<Address | undefined> => {
      if (frontEnd === undefined) return undefined;
      try {
        return await listen(frontEnd, { host, port }, 'extraListeners');
      } catch (error) {
        if (!optional) throw error;
        refused.push({ address: { host, port }, reason: messageOf(error) });
        log.info({ host, port, reason: messageOf(error) }, 'an optional address was not granted');
        return undefined;
      }
    };
    const one = { http: await attempt(frontEnds.http, httpPort), pg: await attempt(frontEnds.pg, pgPort) };
    if (one.http !== undefined || one.pg !== undefined) extra.push(one);
  }
  return { listeners: [{ http, pg }, ...extra], refused };
}

function addressOf(given: { host?: string; port?: number } | undefined): Address {
  return { host: given?.host ?? '127.0.0.1', port: given?.port ?? 0 };
}

async function listen(frontEnd: Listening, address: Address, option: string): Promise<Address> {
  try {
    return await frontEnd.listen(address);
  } catch (error) {
    const { host, port } = address;
    if (systemCodeOf(error) === 'EADDRINUSE') {
      throw slsEmulatorErrors.create('SLS_PORT_BUSY', {
        message: `port ${port} on ${host} is in use by another program`,
        hint: `stop that program, or choose another port with ${option}; 0 picks a free one`,
        cause: error,
      });
    }
    throw slsEmulatorErrors.create('SLS_PORT_REFUSED', {
      message: `the system does not let the emulator listen on ${host} port ${port}: ${messageOf(error)}`,
      hint: `choose another address or port with ${option}; ports below 1024 may need more rights`,
      cause: error,
    });
  }
}
