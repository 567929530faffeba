import { link, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, startMarkOf, systemCodeOf } from '@sampan/base';
import { devstackErrors } from './errors.ts';
import { type Layout, readIfPresent, writePrivateJson } from './layout.ts';

/** Who runs the stack of a directory. */
export interface LockHolder {
  readonly pid: number;
  readonly startMark?: string;
  readonly since: string;
}

/**
 * The lock is the file `lock.N.json` with the highest N; its content names the holder. A stale one is never removed
 * to be taken: the next holder creates N + 1, which the system grants to exactly one, and then removes the lower
 * ones. Whoever finds a higher one after creating his own was too slow and takes his own back.
 */
export async function acquireLock(layout: Layout): Promise<() => Promise<void>> {
  const startMark = startMarkOf(process.pid);
  const mine: LockHolder = {
    pid: process.pid,
    ...(startMark === undefined ? {} : { startMark }),
    since: new Date().toISOString(),
  };
  for (let attempt = 0; attempt < 20; attempt++) {
    const last = await lastGeneration(layout);
    const holder = await readHolder(layout, last);
    if (holder !== undefined && isHolding(holder)) throw alreadyRunning(layout, holder);
    const next = last + 1;
    if (!(await createExclusively(lockFile(layout, next), mine))) continue;
    if ((await lastGeneration(layout)) > next) {
      await rm(lockFile(layout, next), { force: true });
      continue;
    }
    await removeBelow(layout, next);
    return () => writePrivateJson(lockFile(layout, next), { released: true });
  }
  throw alreadyRunning(layout, undefined);
}

/** The live process that runs the stack of `layout`, if any. */
export async function findHolder(layout: Layout): Promise<LockHolder | undefined> {
  const holder = await readHolder(layout, await lastGeneration(layout));
  return holder !== undefined && isHolding(holder) ? holder : undefined;
}

/** The file of a generation of the lock. */
export function lockFile(layout: Layout, generation: number): string {
  return join(layout.run, `lock.${generation}.json`);
}

async function generations(layout: Layout): Promise<number[]> {
  const names = await readdir(layout.run).catch((): string[] => []);
  return names.flatMap((name) => {
    const digits = /^lock\.(\d{1,9})\.json$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

async function lastGeneration(layout: Layout): Promise<number> {
  return Math.max(0, ...(await generations(layout)));
}

async function removeBelow(layout: Layout, generation: number): Promise<void> {
  for (const old of await generations(layout)) {
    if (old < generation) await rm(lockFile(layout, old), { force: true });
  }
}

/** Creates the file with its content in one step, or not at all when it exists. */
async function createExclusively(path: string, content: LockHolder): Promise<boolean> {
  const aside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(aside, JSON.stringify(content), { mode: 0o600 });
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function readHolder(layout: Layout, generation: number): Promise<LockHolder | undefined> {
  const text = await readIfPresent(lockFile(layout, generation));
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

function alreadyRunning(layout: Layout, holder: LockHolder | undefined): Error {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (since ${holder.since})`;
  return devstackErrors.create('DEVSTACK_ALREADY_RUNNING', {
    message: `${who} already runs the stack in ${layout.directory}`,
    hint: 'use that one (`sampan status` shows its addresses), stop it with Ctrl-C, or start a second stack with another --directory and other ports',
  });
}
