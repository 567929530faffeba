import { type ChildProcess, spawn } from 'node:child_process';
import { close, open } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { messageOf } from '@sampan/base';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { endGroup, ensureCluster, setPassword, superuser } from './cluster.ts';
import { readClusterFile } from './cluster-file.ts';
import { postgresErrors } from './errors.ts';
import { endPostmaster, readPostmasterPid, stopStalePostgres } from './stale-postgres.ts';

/** A PostgreSQL server that belongs to this process. */
export interface Postgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Settles when the server ended although nobody asked it to. */
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Programs and the account that runs them, from `findBinaries`. */
  readonly binaries: Binaries;
  /** The cluster, made on the first start. The account must be able to enter the folder around it. */
  readonly folder: string;
  /** What the server prints, of this run only. */
  readonly logFile: string;
  readonly host: string;
  readonly port: number;
  /** Of the superuser. */
  readonly password: string;
  /** True when the password was made just now, so that an existing cluster still has another one. */
  readonly isPasswordNew?: boolean;
  /** More words for initdb. */
  readonly initdbFlags?: readonly string[];
  /** Server settings, name to value, given on the command line. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long each step may take: making the cluster, accepting connections. 30 s unless given. */
  readonly timeoutMs?: number;
  /** Told, in one line, what the user should know although it is no error. */
  readonly onNotice?: (message: string) => void;
}

/**
 * Runs the server given as words and ends it with a fast shutdown when standard input ends. The kernel closes our
 * end of that pipe whichever way this process dies, so a killed process leaves no server behind. The server gets its
 * own session (`detached`), so that Ctrl-C in a terminal reaches only us and we stop things in order.
 */
const guardScript = `
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ read -r _ <&3; kill -INT "$server"; } 2>/dev/null & guard=$!
exec 3<&-
wait "$server"; code=$?
kill "$guard" 2>/dev/null
exit "$code"
`;

/** Starts PostgreSQL on the cluster in `folder`, creating it first if need be, and waits until it accepts connections. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { binaries, folder, logFile } = options;
  const timeoutMs = options.timeoutMs ?? 30_000;
  const { isNew } = await ensureCluster({ ...options, timeoutMs });
  const leftover = await stopStalePostgres(folder);
  if (leftover !== undefined) {
    options.onNotice?.(`ended PostgreSQL process ${leftover}, left over from an earlier run`);
  }
  if (options.isPasswordNew === true && !isNew) await setPassword({ ...options, timeoutMs });
  const words = [binaries.postgres, '-D', folder, ...settingWords(options)];
  const child = await spawnGuarded(words, logFile, binaries.account);
  const ended = endOf(child);
  try {
    await waitUntilAccepting({ ...options, child, timeoutMs });
  } catch (error) {
    await stopServer(child, folder, ended);
    throw error;
  }
  return supervise(options, { child, ended });
}

function supervise(
  options: PostgresOptions,
  server: { child: ChildProcess; ended: Promise<string> },
): Postgres {
  let stopping: Promise<void> | undefined;
  const failed = new Promise<Error>((resolve) => {
    void server.ended.then(async (how) => {
      if (stopping === undefined)
        resolve(await failure(`PostgreSQL ended by itself (${how})`, options.logFile));
    });
  });
  return {
    host: options.host,
    port: options.port,
    user: superuser,
    failed,
    stop: () => {
      stopping ??= stopServer(server.child, options.folder, server.ended);
      return stopping;
    },
  };
}

function settingWords(options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    ...options.settings,
    listen_addresses: options.host,
    port: String(options.port),
    // TCP only: the path of a socket in a deep folder exceeds what the system allows (107 bytes).
    unix_socket_directories: '',
    logging_collector: 'off',
    log_checkpoints: 'off',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function spawnGuarded(
  words: readonly string[],
  logFile: string,
  account: Account | undefined,
): Promise<ChildProcess> {
  const output = await promisify(open)(logFile, 'w', 0o600);
  try {
    const child = spawn('/bin/sh', ['-c', guardScript, 'sh', ...words], {
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      cwd: '/',
      detached: true,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
      stdio: ['pipe', output, output],
    });
    // A server that is gone makes its pipe fail; `exit` tells the same.
    child.stdin?.on('error', () => {});
    return child;
  } finally {
    await promisify(close)(output);
  }
}

/** How the server ended: settles with words for a message, never rejects. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(messageOf(error)));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit ${code}` : `signal ${signal}`));
  });
}

async function waitUntilAccepting(
  options: PostgresOptions & { child: ChildProcess; timeoutMs: number },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (performance.now() < deadline) {
    if (
      options.child.exitCode !== null ||
      options.child.signalCode !== null ||
      options.child.pid === undefined
    ) {
      throw await failure(
        `PostgreSQL ended while starting (exit ${options.child.exitCode ?? options.child.signalCode})`,
        options.logFile,
      );
    }
    if (await accepts(options)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw await failure(
    `PostgreSQL did not accept connections within ${options.timeoutMs} ms`,
    options.logFile,
  );
}

/** Ready is the last line of postmaster.pid (written after recovery) together with an open port. */
async function accepts(options: PostgresOptions): Promise<boolean> {
  const lines = ((await readClusterFile(options.folder, 'postmaster.pid')) ?? '').split('\n');
  if (lines[7]?.trim() !== 'ready') return false;
  return new Promise((resolve) => {
    const socket = connect({ host: options.host, port: options.port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function stopServer(child: ChildProcess, folder: string, ended: Promise<string>): Promise<void> {
  const pid = await readPostmasterPid(folder);
  child.stdin?.end();
  // The guard may have been killed from outside; then the server is not its child any more and is ended by id.
  if (child.exitCode !== null || child.signalCode !== null) {
    await stopStalePostgres(folder);
    return;
  }
  const isLate = Symbol('late');
  const timeout = new Promise<typeof isLate>((resolve) => setTimeout(() => resolve(isLate), 10_000).unref());
  if ((await Promise.race([ended, timeout])) !== isLate) return;
  if (pid === undefined) endGroup(child.pid);
  else await endPostmaster(pid);
}

async function failure(what: string, logFile: string): Promise<Error> {
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-8).join('\n  ');
  return postgresErrors.create('POSTGRES_FAILED', {
    message: `${what}; the end of ${logFile}:\n  ${lines}`,
    hint: 'the log says why; in the local stack, settings come from `postgres` in sampan.yaml (`sampan plan` shows them)',
  });
}
