import { join } from 'node:path';
import { createLog, exitCodeOf, messageOf, SampanError } from '@sampan/base';
import { planOf } from '@sampan/config';
import { createRollingFile, type Stack, type StackEvent, startStack, watchParent } from '@sampan/devstack';
import { readConfiguration } from '../configuration.ts';
import { renderError } from '../render-error.ts';
import { renderAddresses } from '../render-stack.ts';

export interface DevOptions {
  readonly json?: boolean;
  readonly directory: string;
  readonly config?: string;
  readonly backend: string;
}

/** Starts the stack and keeps it until a signal, the end of the parent process, or the failure of a service. */
export async function dev(options: DevOptions): Promise<number> {
  const print = options.json === true ? printJson : printText;
  const stop = watchStopReasons();
  try {
    const { config } = await readConfiguration(options.config);
    const file = createRollingFile(join(options.directory, 'logs/stack.log'));
    const stack = await startStack({
      config,
      plan: planOf(config),
      directory: options.directory,
      backend: options.backend,
      log: createLog({ name: 'sampan', level: 'info', destination: file }),
      on: print,
    });
    return await untilStopped(stack, stop.reason, options);
  } catch (error) {
    if (options.json === true) printJson(failureEvent(error));
    throw error;
  } finally {
    stop.release();
  }
}

async function untilStopped(stack: Stack, reason: Promise<string>, options: DevOptions): Promise<number> {
  const ended = await Promise.race([reason, stack.failed]);
  if (typeof ended === 'string') {
    await stack.stop(ended);
    return 0;
  }
  if (options.json === true) printJson(failureEvent(ended));
  process.stderr.write(renderError(ended));
  await stack.stop('a service ended');
  return exitCodeOf(ended);
}

/** Settles with the first reason to stop. A second signal, a second later, ends the process without more ado. */
function watchStopReasons(): { reason: Promise<string>; release: () => void } {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let release: () => void = () => {};
  const reason = new Promise<string>((resolve) => {
    let firstMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      // A package manager passes the terminal's Ctrl-C on, so that it arrives twice within milliseconds.
      if (firstMs !== undefined && performance.now() - firstMs > 1000) process.exit(130);
      firstMs ??= performance.now();
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, onSignal);
    const unwatch = watchParent(() => resolve('the parent process ended'));
    const onPipe = (): void => resolve('standard output was closed');
    process.stdout.on('error', onPipe);
    release = () => {
      unwatch();
      for (const signal of signals) process.off(signal, onSignal);
    };
  });
  return { reason, release: () => release() };
}

type Failure = { event: 'failed'; code: string; message: string; hint?: string };

function failureEvent(error: unknown): Failure {
  if (!(error instanceof SampanError)) return { event: 'failed', code: 'BUG', message: messageOf(error) };
  const { code, message, hint } = error;
  return { event: 'failed', code, message, ...(hint === undefined ? {} : { hint }) };
}

function printJson(event: StackEvent | Failure): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const partNames = {
  postgres: 'PostgreSQL accepts connections',
  sls: 'SLS accepts requests',
  proxy: 'the pool proxy accepts connections',
  databases: 'the databases exist',
  logstores: 'project, logstores and indexes exist',
} as const;

function printText(event: StackEvent): void {
  process.stdout.write(`${textOf(event)}\n`);
}

function textOf(event: StackEvent): string {
  switch (event.event) {
    case 'starting':
      return `starting the stack of ${event.directory} (process ${event.pid})`;
    case 'part':
      return `${secondsOf(event.tookMs)}  ${partNames[event.part]}`;
    case 'notice':
      return `note: ${event.message}`;
    case 'ready':
      return `${secondsOf(event.tookMs)}  ready\n\n${renderAddresses(event)}\n\nCtrl-C stops everything. In another terminal: sampan env, sampan exec -- COMMAND, sampan status`;
    case 'stopping':
      return `stopping (${event.reason})`;
    case 'stopped':
      return 'stopped; the data stay';
  }
}

function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(2).padStart(6)} s`;
}
