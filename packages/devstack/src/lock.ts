import { link, rename, rm, writeFile } from 'node:fs/promises';
import { systemCodeOf } from '@sampan/base';
import { devstackErrors } from './errors.ts';
import { type Layout, readIfPresent } from './layout.ts';
import { isAlive, startMarkOf } from './process-identity.ts';

/** Who runs the stack of a directory. */
export interface LockHolder {
  readonly pid: number;
  readonly startMark?: string;
  readonly since: string;
}

/** Makes this process the only one that runs the stack of `layout`; the returned function gives that up. */
export async function acquireLock(layout: Layout): Promise<() => Promise<void>> {
  const startMark = startMarkOf(process.pid);
  const mine: LockHolder = {
    pid: process.pid,
    ...(startMark === undefined ? {} : { startMark }),
    since: new Date().toISOString(),
  };
  const aside = `${layout.lock}.${process.pid}`;
  await writeFile(aside, JSON.stringify(mine));
  try {
    // A hard link is created or refused in one step; two tries suffice unless others race for the same stale lock.
    for (let attempt = 0; attempt < 5; attempt++) {
      if (await tryLink(aside, layout.lock)) return () => rm(layout.lock, { force: true });
      const holder = await readHolder(layout);
      if (holder !== undefined && isHolding(holder)) throw alreadyRunning(layout, holder);
      await dropStale(layout, holder);
    }
  } finally {
    await rm(aside, { force: true });
  }
  throw alreadyRunning(layout, await readHolder(layout));
}

/** The live process that runs the stack of `layout`, if any. */
export async function findHolder(layout: Layout): Promise<LockHolder | undefined> {
  const holder = await readHolder(layout);
  return holder !== undefined && isHolding(holder) ? holder : undefined;
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(layout: Layout): Promise<LockHolder | undefined> {
  const text = await readIfPresent(layout.lock);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as LockHolder;
    return Number.isInteger(value.pid) && value.pid > 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHolding(holder: LockHolder): boolean {
  if (!isAlive(holder.pid)) return false;
  const mark = startMarkOf(holder.pid);
  return mark === undefined || holder.startMark === undefined || mark === holder.startMark;
}

/** Takes the stale lock away under a name of our own; if a quicker starter replaced it meanwhile, gives it back. */
async function dropStale(layout: Layout, stale: LockHolder | undefined): Promise<void> {
  const aside = `${layout.lock}.stale.${process.pid}`;
  try {
    await rename(layout.lock, aside);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readHolder({ ...layout, lock: aside });
  if (taken !== undefined && taken.pid !== stale?.pid) await tryLink(aside, layout.lock);
  await rm(aside, { force: true });
}

function alreadyRunning(layout: Layout, holder: LockHolder | undefined): Error {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (since ${holder.since})`;
  return devstackErrors.create('DEVSTACK_ALREADY_RUNNING', {
    message: `${who} already runs the stack in ${layout.directory}`,
    hint: 'use that one (`sampan status` shows its addresses), stop it with Ctrl-C, or start a second stack with another --directory and other ports',
  });
}
