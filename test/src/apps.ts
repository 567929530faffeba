import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ReadyProcess, runProcess, startUntilReady } from './running-process.ts';
import type { SlsTarget } from './sls-request.ts';

/** The root of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

function bin(name: string): string {
  return join(root, 'bin', `${name}.mjs`);
}

function text(ready: Readonly<Record<string, unknown>>, key: string): string {
  const value = ready[key];
  if (typeof value !== 'string' || value === '') {
    throw new Error(`the ready line has no text ${key}: ${JSON.stringify(ready)}`);
  }
  return value;
}

/** The emulator as a process of its own. */
export interface SlsProcess extends ReadyProcess {
  readonly http: string;
  readonly pg: { readonly host: string; readonly port: number };
  readonly key: { readonly id: string; readonly secret: string };
  target(project: string): SlsTarget;
}

/** Starts `bin/sls.mjs` on free ports with its data in `directory`. */
export async function startSlsProcess(directory: string, more: readonly string[] = []): Promise<SlsProcess> {
  const command = [
    process.execPath,
    bin('sls'),
    '--port',
    '0',
    '--pg-port',
    '0',
    '--data',
    directory,
    '--json',
  ];
  const started = await startUntilReady({ command: [...command, ...more] });
  const [host = '', port = ''] = text(started.ready, 'pg').split(':');
  const http = text(started.ready, 'http');
  const key = { id: text(started.ready, 'accessKeyId'), secret: text(started.ready, 'accessKeySecret') };
  return Object.assign(started, {
    http,
    pg: { host, port: Number(port) },
    key,
    target: (project: string): SlsTarget => ({ url: http, project, key }),
  });
}

/** Starts `bin/pgproxy.mjs` with `options` as its configuration file. */
export async function startPgProxyProcess(
  directory: string,
  options: Readonly<Record<string, unknown>>,
): Promise<ReadyProcess & { readonly port: number }> {
  const file = join(directory, 'pgproxy.json');
  await writeFile(file, JSON.stringify(options));
  const started = await startUntilReady({
    command: [process.execPath, bin('pgproxy'), '--config', file, '--json'],
  });
  return Object.assign(started, { port: Number(started.ready['port']) });
}

/** Runs one `sampan` command to its end. */
export function runSampan(
  parameters: readonly string[],
  options: { cwd?: string; environment?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): ReturnType<typeof runProcess> {
  return runProcess({ command: [process.execPath, bin('sampan'), ...parameters], ...options });
}

/** Starts `sampan dev --json` and waits until the stack is ready. */
export function startDevStack(
  parameters: readonly string[],
  options: { cwd?: string; environment?: NodeJS.ProcessEnv } = {},
): Promise<ReadyProcess> {
  return startUntilReady({
    command: [process.execPath, bin('sampan'), 'dev', '--json', ...parameters],
    readyTimeoutMs: 90_000,
    ...options,
  });
}

/** TCP ports of the loopback address that are free at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Whether something listens at this port of the loopback address. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
