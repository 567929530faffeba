import { type Log, messageOf, silentLog } from '@sampan/base';
import { type Config, logstoresOf, type Plan } from '@sampan/config';
import type { Addresses } from './addresses.ts';
import type { Backend, Part } from './backend.ts';
import { createEmbeddedBackend } from './embedded/embedded-backend.ts';
import { endLeftoverPostgres } from './embedded/stack-postgres.ts';
import { devstackErrors } from './errors.ts';
import { createLayout, ensureLayout, type Layout } from './layout.ts';
import { acquireLock } from './lock.ts';
import { assertPortsFree } from './ports.ts';
import { ensureSecrets } from './secrets.ts';
import { wantedPorts, withFreePorts } from './stack-ports.ts';
import { clearState, writeState } from './state.ts';

export interface StackOptions {
  readonly config: Config;
  readonly plan: Plan;
  /** Where data, logs and secrets are kept. */
  readonly directory: string;
  readonly backend?: string;
  readonly log?: Log;
  /** Told what happens, in order. */
  readonly on?: (event: StackEvent) => void;
}

/** What happens to a stack. `tookMs` counts from the start of the process. */
export type StackEvent =
  | { readonly event: 'starting'; readonly directory: string; readonly backend: string; readonly pid: number }
  | { readonly event: 'part'; readonly part: Part; readonly tookMs: number }
  | { readonly event: 'notice'; readonly message: string }
  | ({ readonly event: 'ready'; readonly tookMs: number; readonly directory: string } & Addresses)
  | { readonly event: 'stopping'; readonly reason: string }
  | { readonly event: 'stopped' };

/** A running stack. */
export interface Stack extends AsyncDisposable {
  readonly addresses: Addresses;
  /** Settles when a service ended by itself; the rest still runs and wants to be stopped. */
  readonly failed: Promise<Error>;
  /** Stops everything in reverse order. Twice is fine. */
  stop(reason?: string): Promise<void>;
}

/** Starts the local stack and resolves when programs can use it. Nothing is left running when it fails. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const tell = options.on ?? (() => {});
  const backendName = options.backend ?? 'embedded';
  assertBackend(backendName);
  const layout = createLayout(options.directory);
  await ensureLayout(layout);
  const unlock = await acquireLock(layout);
  let backend: Backend | undefined;
  try {
    tell({ event: 'starting', directory: layout.directory, backend: backendName, pid: process.pid });
    backend = await prepareBackend(options, layout);
    const addresses = await backend.start();
    await backend.ensure(inventoryOf(options.config));
    await writeState(layout, {
      pid: process.pid,
      startedAt: new Date().toISOString(),
      directory: layout.directory,
      backend: backendName,
      addresses,
    });
    tell({ event: 'ready', tookMs: sinceStartMs(), directory: layout.directory, ...addresses });
    return runningStack({ backend, addresses, layout, unlock, tell });
  } catch (error) {
    await backend
      ?.stop()
      .catch((stopping: unknown) => tell({ event: 'notice', message: messageOf(stopping) }));
    await unlock();
    throw error;
  }
}

function assertBackend(name: string): void {
  if (name === 'embedded') return;
  throw devstackErrors.create('DEVSTACK_BACKEND_NOT_SUPPORTED', {
    message: `there is no backend \`${name}\`; this release has \`embedded\``,
    hint: 'leave --backend out: the embedded backend needs neither Docker nor anything else installed',
  });
}

async function prepareBackend(options: StackOptions, layout: Layout): Promise<Backend> {
  const tell = options.on ?? (() => {});
  const onNotice = (message: string): void => tell({ event: 'notice', message });
  const { secrets, areNew } = await ensureSecrets(layout);
  // Before the ports are looked at: what is left over from an earlier run may still hold one of them.
  await endLeftoverPostgres({ layout, onNotice });
  await assertPortsFree(wantedPorts(options));
  return createEmbeddedBackend({
    ...(await withFreePorts(options)),
    layout,
    secrets,
    areSecretsNew: areNew,
    log: options.log ?? silentLog,
    onPart: (part) => tell({ event: 'part', part, tookMs: sinceStartMs() }),
    onNotice,
  });
}

function inventoryOf(config: Config) {
  const { databases, user } = config.postgres;
  return {
    databases: [databases.dify, databases.plugin],
    owner: user,
    project: config.sls.project,
    logstores: logstoresOf(config),
  };
}

function runningStack(parts: {
  backend: Backend;
  addresses: Addresses;
  layout: Layout;
  unlock: () => Promise<void>;
  tell: (event: StackEvent) => void;
}): Stack {
  const { backend, addresses, layout, unlock, tell } = parts;
  let stopping: Promise<void> | undefined;
  async function release(reason: string): Promise<void> {
    tell({ event: 'stopping', reason });
    // Commands that ask for the stack's addresses must not get them while they go away.
    await clearState(layout);
    try {
      await backend.stop();
    } finally {
      await unlock();
    }
    tell({ event: 'stopped' });
  }
  const stop = (reason = 'asked to'): Promise<void> => {
    stopping ??= release(reason);
    return stopping;
  };
  return { addresses, failed: backend.failed, stop, [Symbol.asyncDispose]: () => stop() };
}

function sinceStartMs(): number {
  return Math.round(performance.now());
}
