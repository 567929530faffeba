import { rm } from 'node:fs/promises';
import { devstackErrors } from './errors.ts';
import { createLayout, type Layout, readIfPresent, writePrivateJson } from './layout.ts';
import { findHolder } from './lock.ts';

/** One component's own way into the database. */
export interface ComponentAddress {
  readonly name: string;
  readonly port: number;
  readonly database: string;
  /** Coordinated variables of the plan (`SQLALCHEMY_POOL_SIZE` and the like). */
  readonly variables: Readonly<Record<string, string>>;
}

/** Everything a client of the running stack has to know. Local credentials are part of it. */
export interface Addresses {
  readonly postgres: {
    host: string;
    port: number;
    user: string;
    password: string;
    databases: readonly string[];
  };
  /** Absent when the components reach PostgreSQL directly. */
  readonly proxy: { host: string; port: number } | undefined;
  readonly components: readonly ComponentAddress[];
  /** Absent when Dify keeps its records in PostgreSQL. */
  readonly sls: SlsAddress | undefined;
}

export interface SlsAddress {
  readonly host: string;
  readonly httpPort: number;
  readonly pgPort: number;
  /** The loopback address that also answers at 80 and 5432; absent where those could not be bound. */
  readonly dedicated: string | undefined;
  readonly project: string;
  readonly logstores: readonly string[];
  readonly region: string;
  readonly logstoreTtlDays: number;
  readonly pgMode: boolean;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

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
