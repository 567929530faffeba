import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf, systemCodeOf } from '@sampan/base';
import { slsEmulatorErrors } from '../errors.ts';

/** Holds a data directory against other processes until released. */
export interface DirectoryLock {
  release(): Promise<void>;
}

const fileName = 'lock.json';

/** Directories that this process has open; a lock file of ours with another path in it cannot be stale. */
const openHere = new Set<string>();

/**
 * Makes the directory and takes its lock. The lock file names the process and when it started, so that one left
 * behind by a kill is taken over, even where process ids repeat (containers). Throws `SLS_DATA_DIRECTORY_BUSY`.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = resolve(directory);
  await makeDirectory(path);
  if (openHere.has(path)) throw busy(path, process.pid);
  openHere.add(path);
  try {
    await writeLock(path);
  } catch (error) {
    openHere.delete(path);
    throw error;
  }
  return {
    async release() {
      if (!openHere.delete(path)) return;
      await rm(join(path, fileName), { force: true });
    },
  };
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await makeWithParents(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** Not Node's recursive mkdir: that one never returns below a folder, such as /proc, which takes no children. */
async function makeWithParents(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || (await isDirectory(dirname(path)))) throw error;
    await makeWithParents(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function writeLock(path: string): Promise<void> {
  const file = join(path, fileName);
  const mine = JSON.stringify({ pid: process.pid, startedAt: await startTimeOf(process.pid) });
  // A second round takes over what the first found stale; a third would mean that somebody else did.
  for (let round = 0; round < 2; round++) {
    try {
      await writeNew(file, mine);
      return;
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw unusable(path, error);
    }
    const holder = await readHolder(file);
    if (holder !== undefined && (await isAlive(holder))) throw busy(path, holder.pid);
    await removeStale(file, holder);
  }
  throw busy(path, (await readHolder(file))?.pid);
}

/**
 * A function of its own: esbuild 0.28 translates a `using` inside a loop so that the error of one round is thrown
 * again at the end of the next one.
 */
async function writeNew(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(text);
}

/** Moves the stale lock away; what turns out to be another starter's fresh one is put back. */
async function removeStale(file: string, stale: Holder | undefined): Promise<void> {
  const aside = `${file}.${process.pid}.stale`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readHolder(aside);
  if (moved?.pid === stale?.pid && moved?.startedAt === stale?.startedAt) await rm(aside, { force: true });
  else await rename(aside, file);
}

interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof json !== 'object' || json === null || !('pid' in json) || !('startedAt' in json)) {
      return undefined;
    }
    const { pid, startedAt } = json;
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  // This process has not got it open (see above), so a lock with our own id is an earlier namesake's.
  if (holder.pid === process.pid) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
  const startedAt = await startTimeOf(holder.pid);
  return startedAt === '' || holder.startedAt === '' || startedAt === holder.startedAt;
}

/** Start of a process in clock ticks since boot, from Linux's proc(5); empty where there is no such file. */
async function startTimeOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the command, is in parentheses and may hold blanks; field 22 is the start time.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function busy(path: string, pid: number | undefined): Error {
  return slsEmulatorErrors.create('SLS_DATA_DIRECTORY_BUSY', {
    message: `the data directory ${path} is in use by process ${pid ?? 'unknown'}`,
    hint: 'stop that process, or give this emulator a data directory of its own',
  });
}

function unusable(path: string, cause: unknown): Error {
  return slsEmulatorErrors.create('SLS_DATA_DIRECTORY_UNUSABLE', {
    message: `the data directory ${path} cannot be used: ${messageOf(cause)}`,
    hint: 'check that it can be created and written, or name another one',
    cause,
  });
}
