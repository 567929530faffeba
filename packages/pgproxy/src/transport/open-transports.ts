import { type Log, messageOf } from '@sampan/base';
import { netTransports } from './net-transport.ts';
import type { Transports } from './transport.ts';

/**
 * The transport an option asks for. Where the kernel, its settings or a container's seccomp profile refuse io_uring,
 * one line in the log says why, and `node:net` serves.
 */
export async function openTransports(want: 'auto' | 'net' | 'io_uring', log: Log): Promise<Transports> {
  if (want === 'net') return netTransports;
  try {
    const { startRing } = await import('./io-uring/ring-engine.ts');
    return await startRing();
  } catch (error) {
    const level = want === 'auto' ? 'info' : 'warn';
    log[level]({ transport: 'net', reason: messageOf(error) }, 'io_uring is refused here, node:net serves');
    return netTransports;
  }
}
