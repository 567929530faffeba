import { rm } from 'node:fs/promises';
import type { Addresses } from './addresses.ts';
import { devstackErrors } from './errors.ts';
import { createLayout, type Layout, readIfPresent, writePrivateJson } from './layout.ts';
import { findHolder } from './lock.ts';

/** What `run/state.json` says about the run. */
export interface StackState {
  readonly pid: number;
  readonly startedAt: string;
  readonly directory: string;
  readonly backend: string;
  readonly addresses: Addresses;
}

export async function writeState(layout: Layout, state: StackState): Promise<void> {
  await writePrivateJson(layout.state, state);
}

export async function clearState(layout: Layout): Promise<void> {
  await rm(layout.state, { force: true });
}

/** The state of the stack running in `directory`, or `undefined` when none runs or it is not ready yet. */
export async function readStackState(directory: string): Promise<StackState | undefined> {
  const layout = createLayout(directory);
  const holder = await findHolder(layout);
  if (holder === undefined) return undefined;
  const text = await readIfPresent(layout.state);
  if (text === undefined) return undefined;
  const state = JSON.parse(text) as StackState;
  return state.pid === holder.pid ? state : undefined;
}

/** The state of the stack running in `directory`; throws when there is none. */
export async function requireStackState(directory: string): Promise<StackState> {
  const state = await readStackState(directory);
  if (state !== undefined) return state;
  const layout = createLayout(directory);
  const holder = await findHolder(layout);
  throw devstackErrors.create('DEVSTACK_NOT_RUNNING', {
    message:
      holder === undefined
        ? `no stack runs in ${layout.directory}`
        : `the stack in ${layout.directory} (process ${holder.pid}) is not ready yet`,
    hint:
      holder === undefined
        ? 'start it with `pnpm dev` in another terminal, then repeat this command'
        : 'wait for its line `ready`, then repeat this command',
  });
}
