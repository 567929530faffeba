import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** `sysconf(_SC_CLK_TCK)` of every Linux that Node runs on. */
const ticksPerSecond = 100;

/** User and system time of a process, seconds: all threads, and the main one alone (`/proc/PID/stat`). */
export async function cpuSecondsOf(pid: number): Promise<{ all: number; main: number }> {
  return { all: await ticksOf(`/proc/${pid}/stat`), main: await ticksOf(`/proc/${pid}/task/${pid}/stat`) };
}

async function ticksOf(path: string): Promise<number> {
  const text = await readFile(path, 'utf8');
  // The second field, the command, is in parentheses and may hold blanks; user and system time are 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory now and at its highest, megabytes. */
export async function memoryOf(pid: number): Promise<{ rssMb: number; peakMb: number }> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return { rssMb: kilobytes('VmRSS') / 1024, peakMb: kilobytes('VmHWM') / 1024 };
}

/** What the files of a folder take, bytes. */
export async function folderBytes(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
