import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '@sampan/base';
import { devstackErrors } from '../errors.ts';
import { type Layout, readIfPresent } from '../layout.ts';
import { type Account, mayEnter } from './account.ts';
import type { Binaries } from './binaries.ts';

/** A database cluster on disk. */
export interface Cluster {
  readonly folder: string;
  /** Set when it had to be put outside the stack's directory. */
  readonly isElsewhere: boolean;
  readonly isNew: boolean;
}

/** The cluster's first role. Changing `postgres.user` later therefore needs no new cluster. */
export const superuser = 'postgres';

/**
 * Finds the stack's cluster, creating it with initdb on the first start. It lies in the stack's directory unless
 * the account PostgreSQL is dropped to cannot reach that; then a file there names the folder below /var/tmp.
 */
export async function ensureCluster(options: {
  layout: Layout;
  binaries: Binaries;
  account: Account | undefined;
  password: string;
}): Promise<Cluster> {
  const { layout, account } = options;
  const place = await placeOf(layout, account);
  const version = await readIfPresent(join(place.folder, 'PG_VERSION'));
  if (version !== undefined) {
    assertMajor(version.trim(), options.binaries.version, place.folder);
    await ensureOwner(place.folder, account);
    return { ...place, isNew: false };
  }
  await createCluster({ ...options, folder: place.folder });
  return { ...place, isNew: true };
}

/** The folder of the cluster of `layout`, whether or not it exists. */
export async function findClusterFolder(layout: Layout): Promise<string> {
  const pointed = (await readIfPresent(layout.postgresPointer))?.trim();
  if (pointed === undefined) return layout.postgres;
  // `sampan reset` removes this folder, so a file that was tampered with must not name just any.
  if (/^\/var\/(lib|tmp)\/sampan-\d+-[0-9a-f]{12}\/postgres$/.test(pointed)) return pointed;
  throw devstackErrors.create('DEVSTACK_DIRECTORY_UNUSABLE', {
    message: `${layout.postgresPointer} names ${JSON.stringify(pointed)}, which is no place the stack chooses`,
    hint: 'delete that file; the next start chooses again',
  });
}

async function placeOf(
  layout: Layout,
  account: Account | undefined,
): Promise<{ folder: string; isElsewhere: boolean }> {
  const pointed = await findClusterFolder(layout);
  if (pointed !== layout.postgres) {
    await ensureOwnFolder(dirname(pointed));
    return { folder: pointed, isElsewhere: true };
  }
  if (await mayEnter(account, layout.directory)) return { folder: layout.postgres, isElsewhere: false };
  const digest = createHash('sha256')
    .update(await realpath(layout.directory))
    .digest('hex')
    .slice(0, 12);
  const name = `sampan-${process.getuid?.() ?? 0}-${digest}`;
  // Systems clean /var/tmp after some weeks, so it is the second choice.
  for (const base of ['/var/lib', '/var/tmp']) {
    try {
      await ensureOwnFolder(join(base, name));
    } catch (error) {
      if (base === '/var/tmp') throw error;
      continue;
    }
    const folder = join(base, name, 'postgres');
    await writeFile(layout.postgresPointer, `${folder}\n`);
    return { folder, isElsewhere: true };
  }
  return { folder: layout.postgres, isElsewhere: false };
}

/** Anybody may plant a folder below /var/tmp; only one of our own that others cannot write to is used. */
async function ensureOwnFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const { uid, mode } = await lstat(folder);
  if (uid === process.getuid?.() && (mode & 0o022) === 0) return;
  throw devstackErrors.create('DEVSTACK_DIRECTORY_UNUSABLE', {
    message: `${folder} belongs to another user or may be written by others; the database cannot lie there`,
    hint: 'remove it, or move the checkout to a folder that other accounts may enter',
  });
}

/** initdb works beside the final place and the result is renamed, so an interrupted first start leaves no half cluster. */
async function createCluster(options: {
  folder: string;
  binaries: Binaries;
  account: Account | undefined;
  password: string;
}): Promise<void> {
  const { folder, account } = options;
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

async function runInitdb(options: {
  binaries: Binaries;
  account: Account | undefined;
  folder: string;
  passwordFile: string;
}): Promise<void> {
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
  ];
  const { code, output } = await runProgram(options.binaries.initdb, words, { account: options.account });
  if (code === 0) return;
  throw devstackErrors.create('DEVSTACK_POSTGRES_INIT_FAILED', {
    message: `initdb could not create the cluster in ${options.folder} (exit ${code}):\n${output}`,
    hint: 'make room, or choose another --directory; a user number without a name in /etc/passwd cannot own a cluster',
  });
}

/**
 * Gives the superuser of a stopped cluster a new password, for when the file of secrets was lost. Single-user
 * mode asks nobody for the old one (PostgreSQL documentation, "postgres", options for single-user mode).
 */
export async function setPassword(options: {
  binaries: Binaries;
  account: Account | undefined;
  folder: string;
  password: string;
}): Promise<void> {
  const words = ['--single', '-D', options.folder, 'postgres'];
  const statement = `ALTER ROLE ${superuser} PASSWORD '${options.password.replaceAll("'", "''")}'\n`;
  const { code, output } = await runProgram(options.binaries.postgres, words, {
    account: options.account,
    input: statement,
  });
  if (code === 0 && !output.includes('ERROR')) return;
  throw devstackErrors.create('DEVSTACK_POSTGRES_FAILED', {
    message: `could not give the cluster in ${options.folder} its new password (exit ${code})`,
    hint: 'put the old secrets.json back, or start with an empty cluster by `sampan reset`',
  });
}

/** Runs a program of PostgreSQL to its end, as the account; the output is cut to its last 4000 characters. */
function runProgram(
  program: string,
  words: readonly string[],
  options: { account: Account | undefined; input?: string },
): Promise<{ code: number | string; output: string }> {
  const { account } = options;
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', TZ: 'UTC' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.once('error', (error) => resolve({ code: messageOf(error), output: output.trim() }));
    child.once('close', (code, signal) =>
      resolve({ code: code ?? signal ?? 'unknown', output: output.trim() }),
    );
  });
}

function assertMajor(made: string, installed: string, folder: string): void {
  if (made === installed.split('.')[0]) return;
  throw devstackErrors.create('DEVSTACK_POSTGRES_VERSION', {
    message: `the cluster in ${folder} was made by PostgreSQL ${made}; the installed programs are ${installed}`,
    hint: '`sampan reset` starts with an empty cluster; to keep the data, dump them with the release that made them',
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
