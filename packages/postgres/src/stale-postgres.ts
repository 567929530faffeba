import { realpath, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { commandLineOf, isAlive, workingFolderOf } from '@sampan/base';
import { readClusterFile } from './cluster-file.ts';
import { postgresErrors } from './errors.ts';

/**
 * Ends a PostgreSQL that still serves `folder` after whoever ran it was killed; returns its process id if there was one.
 * A process is only touched when it is a `postgres` whose working folder is this cluster.
 */
export async function stopStalePostgres(folder: string): Promise<number | undefined> {
  const pidFile = join(folder, 'postmaster.pid');
  const pid = await readPostmasterPid(folder);
  if (pid === undefined) return undefined;
  if (!isAlive(pid) || !(await isPostmasterOf(pid, folder))) {
    // The id now belongs to somebody else, or to nobody; PostgreSQL would refuse to start in the first case.
    await rm(pidFile, { force: true });
    return undefined;
  }
  await endPostmaster(pid);
  return pid;
}

/** The id in the first line of postmaster.pid (PostgreSQL documentation, "Database File Layout"). */
export async function readPostmasterPid(folder: string): Promise<number | undefined> {
  const first = (await readClusterFile(folder, 'postmaster.pid'))?.split('\n')[0];
  const pid = Number(first);
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/** Fast shutdown (SIGINT), after 10 s immediate shutdown (SIGQUIT), which recovers from the log on the next start. */
export async function endPostmaster(pid: number): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
  ] as const) {
    signalIfAlive(pid, signal);
    if (await isGoneWithin(pid, waitMs)) return;
  }
  throw postgresErrors.create('POSTGRES_STUCK', {
    message: `PostgreSQL process ${pid} did not end within 10 s of SIGINT and 5 s of SIGQUIT`,
    hint: `look at it with \`ps -fp ${pid}\`, end it, and start again`,
  });
}

async function isPostmasterOf(pid: number, folder: string): Promise<boolean> {
  const words = commandLineOf(pid);
  if (words.length === 0) return false;
  if (!basename(words[0] ?? '').startsWith('postgres')) return false;
  return workingFolderOf(pid) === (await realpath(folder));
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between, which is what was wanted.
  }
}

async function isGoneWithin(pid: number, waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  while (performance.now() < deadline) {
    if (!isAlive(pid)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return !isAlive(pid);
}
