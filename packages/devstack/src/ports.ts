import { createServer } from 'node:net';
import { messageOf, systemCodeOf } from '@sampan/base';
import { devstackErrors } from './errors.ts';
import { describePortHolder } from './port-holder.ts';

/** A port that the stack is going to listen on. */
export interface WantedPort {
  readonly host: string;
  readonly port: number;
  /** What listens there, as the user knows it. */
  readonly service: string;
  /** The option of sampan.yaml that moves it. */
  readonly option: string;
}

/** Finds out, before anything is started, whether every wanted port is free; names all that are not. */
export async function assertPortsFree(wanted: readonly WantedPort[]): Promise<void> {
  const fixed = wanted.filter(({ port }) => port !== 0);
  const refusals = await Promise.all(fixed.map(async (want) => ({ want, error: await tryListen(want) })));
  const busy = refusals.filter(({ error }) => systemCodeOf(error) === 'EADDRINUSE');
  if (busy.length > 0) {
    const lines = busy.map(({ want }) => {
      const holder = describePortHolder(want.port);
      return `port ${want.port} on ${want.host} (${want.service}, ${want.option}) is in use${holder === undefined ? '' : ` by ${holder}`}`;
    });
    const options = busy.map(({ want }) => want.option).join(', ');
    throw devstackErrors.create('DEVSTACK_PORT_BUSY', {
      message: lines.join('; '),
      hint: `stop what listens there, or change ${options} in sampan.yaml`,
    });
  }
  for (const { want, error } of refusals) {
    if (error === undefined) continue;
    throw devstackErrors.create('DEVSTACK_PORT_REFUSED', {
      message: `cannot listen on port ${want.port} of ${want.host} (${want.service}, ${want.option}): ${messageOf(error)}`,
      hint: `choose an address of this machine and a port above 1023 for ${want.option} in sampan.yaml`,
      cause: error,
    });
  }
}

function tryListen(want: WantedPort): Promise<unknown> {
  const server = createServer();
  return new Promise((done) => {
    server.once('error', (error) => done(error));
    server.listen({ host: want.host, port: want.port, exclusive: true }, () =>
      server.close(() => done(undefined)),
    );
  });
}
