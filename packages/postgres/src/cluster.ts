import { spawn } from 'node:child_process';
import { chown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '@sampan/base';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { readClusterFile } from './cluster-file.ts';
import { postgresErrors } from './errors.ts';

/** The cluster's first role. */
export const superuser = 'postgres';

export interface ClusterOptions {
  /** Where the cluster lies; the account of `binaries` must be able to enter the folder around it. */
  readonly folder: string;
  readonly binaries: Binaries;
  /** Of the superuser, when the cluster is created. */
  readonly password: string;
  /** More words for initdb. */
  readonly initdbFlags?: readonly string[];
  /** How long initdb may take. */
  readonly timeoutMs: number;
}

/** Creates the cluster with initdb unless it exists; returns whether it did. */
export async function ensureCluster(options: ClusterOptions): Promise<{ isNew: boolean }> {
  const { folder, binaries } = options;
  const version = await readClusterFile(folder, 'PG_VERSION');
  if (version !== undefined) {
    assertMajor(version.trim(), binaries.version, folder);
    await ensureOwner(folder, binaries.account);
    return { isNew: false };
  }
  await createCluster(options);
  return { isNew: true };
}

/** initdb works beside the final place and the result is renamed, so an interrupted first start leaves no half cluster. */
async function createCluster(options: ClusterOptions): Promise<void> {
  const { folder } = options;
  const { account } = options.binaries;
  const aside = `${folder}.new`;
  const passwordFile = `${folder}.password`;
  try {
    await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside, { mode: 0o700 });
    await rm(passwordFile, { force: true });
    await writeFile(passwordFile, options.password, { mode: 0o600, flag: 'wx' });
    if (account !== undefined) {
      await chown(aside, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    await runInitdb({ ...options, folder: aside, passwordFile });
    await rename(aside, folder);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(aside, { recursive: true, force: true });
  }
}

async function runInitdb(options: ClusterOptions & { passwordFile: string }): Promise<void> {
  const words = [
    `--pgdata=${options.folder}`,
    `--username=${superuser}`,
    `--pwfile=${options.passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The built-in provider sorts alike on every machine and needs no locale to be installed.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    // Saves 0.2 s of the first start. What an outage of the machine within its next half minute could cost is
    // an empty cluster.
    '--no-sync',
    ...(options.initdbFlags ?? []),
  ];
  const { binaries, timeoutMs } = options;
  const { code, output } = await runProgram(binaries.initdb, words, { account: binaries.account, timeoutMs });
  if (code === 0) return;
  throw postgresErrors.create('POSTGRES_INIT_FAILED', {
    message: `initdb could not create the cluster in ${options.folder} (${code}):\n${output}`,
    hint: 'make room, or choose another folder; a user number without a name in /etc/passwd cannot own a cluster',
  });
}

/**
 * Gives the superuser of a stopped cluster a new password, for when the old one was lost. Single-user mode asks
 * nobody for it (PostgreSQL documentation, "postgres", options for single-user mode).
 */
export async function setPassword(options: ClusterOptions): Promise<void> {
  const { folder, binaries, timeoutMs } = options;
  const words = ['--single', '-D', folder, 'postgres'];
  const input = `ALTER ROLE ${superuser} PASSWORD '${options.password.replaceAll("'", "''")}'\n`;
  const run = { account: binaries.account, input, timeoutMs };
  const { code, output } = await runProgram(binaries.postgres, words, run);
  if (code === 0 && !output.includes('ERROR')) return;
  throw postgresErrors.create('POSTGRES_FAILED', {
    message: `could not give the cluster in ${folder} its new password (${code})`,
    hint: 'put the old secrets back, or start with an empty cluster (`sampan reset` for the local stack)',
  });
}

/**
 * Runs a program of PostgreSQL to its end, as the account. `code` is 0 or words for a message; the output is cut to
 * its last 4000 characters. The program gets its own group, so that at the deadline its children are ended too.
 */
function runProgram(
  program: string,
  words: readonly string[],
  options: { account: Account | undefined; timeoutMs: number; input?: string },
): Promise<{ code: 0 | string; output: string }> {
  const { account, timeoutMs } = options;
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      cwd: '/',
      detached: true,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', TZ: 'UTC' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    const finish = (code: 0 | string): void => {
      clearTimeout(deadline);
      resolve({ code, output: output.trim() });
    };
    const deadline = setTimeout(() => {
      endGroup(child.pid);
      finish(`not finished within ${timeoutMs} ms`);
    }, timeoutMs);
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.once('error', (error) => finish(messageOf(error)));
    child.once('close', (code, signal) => finish(code === 0 ? 0 : `exit ${code ?? signal}`));
  });
}

/** Ends a child that leads a group of its own, and the group with it. */
export function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch {
    // It ended in between, which is what was wanted.
  }
}

function assertMajor(made: string, installed: string, folder: string): void {
  if (made === installed.split('.')[0]) return;
  throw postgresErrors.create('POSTGRES_VERSION', {
    message: `the cluster in ${folder} was made by PostgreSQL ${made}; the installed programs are ${installed}`,
    hint: 'start with an empty cluster (`sampan reset` for the local stack), or dump the data with the release that made them',
  });
}

/** A cluster made as root for another account, or copied by root, is handed to the account that now runs it. */
async function ensureOwner(folder: string, account: Account | undefined): Promise<void> {
  if (account === undefined || (await stat(folder)).uid === account.uid) return;
  for (const entry of await readdir(folder, { recursive: true })) {
    await chown(join(folder, entry), account.uid, account.gid);
  }
  await chown(folder, account.uid, account.gid);
}
