import { readFileSync, readlinkSync } from 'node:fs';
import { systemCodeOf } from './errors.ts';

/** True if a process with this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

/**
 * The moment a process began, as the kernel counts it, so that a recycled id is not taken for the old process.
 * `undefined` where /proc does not tell.
 */
export function startMarkOf(pid: number): string | undefined {
  return statFields(pid)?.[19];
}

/** The parent of a process, where /proc tells. */
export function parentOf(pid: number): number | undefined {
  const field = statFields(pid)?.[1];
  return field === undefined ? undefined : Number(field);
}

/** The words a process was started with; empty where /proc does not tell. */
export function commandLineOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The working folder of a process, where /proc tells. */
export function workingFolderOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function isZombie(pid: number): boolean {
  return statFields(pid)?.[0] === 'Z';
}

/** Fields of /proc/PID/stat (proc(5)) from the third on; the second may itself hold blanks and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
