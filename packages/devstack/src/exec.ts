import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter } from 'node:path';
import { messageOf, systemCodeOf } from '@sampan/base';
import type { Addresses } from './addresses.ts';
import { environmentOf } from './env.ts';
import { devstackErrors } from './errors.ts';
import { findPreloadFiles } from './preload-files.ts';

export interface ExecOptions {
  readonly command: readonly [string, ...string[]];
  readonly addresses: Addresses;
  /** Whose way into the database the program gets; `api` when absent. */
  readonly component?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/**
 * The environment of a program run by `sampan exec`: the stack's variables on top of the present ones, and for
 * Node and Python a preload that resolves the names their log clients make.
 */
export function execEnvironment(
  options: Pick<ExecOptions, 'addresses' | 'component' | 'environment'>,
): Record<string, string | undefined> {
  const inherited = options.environment ?? process.env;
  const own = environmentOf(options.addresses, options.component);
  const { sls } = options.addresses;
  if (sls === undefined) return { ...inherited, ...own };
  const preload = findPreloadFiles();
  const hosts = new Map([
    [sls.endpoint.host, sls.endpoint.address],
    ['localhost', sls.host],
  ]);
  return {
    ...inherited,
    ...own,
    SAMPAN_HOSTS: [...hosts].map(([host, address]) => `${host}=${address}`).join(','),
    NODE_OPTIONS: joinPresent(' ', [inherited['NODE_OPTIONS'], `--require ${quote(preload.nodeFile)}`]),
    PYTHONPATH: joinPresent(delimiter, [preload.pythonFolder, inherited['PYTHONPATH']]),
    // Loopback never goes through a proxy that happens to be set.
    no_proxy: joinPresent(',', [inherited['no_proxy'], ...noProxyHosts(hosts)]),
    NO_PROXY: joinPresent(',', [inherited['NO_PROXY'] ?? inherited['no_proxy'], ...noProxyHosts(hosts)]),
  };
}

/**
 * Runs a program with that environment, its standard streams being ours, and passes signals on. Settles with its
 * exit code; a program ended by a signal gives 128 plus the signal's number, as shells do.
 */
export async function execProgram(options: ExecOptions): Promise<number> {
  const [program, ...words] = options.command;
  const env = execEnvironment(options);
  let child: ChildProcess | undefined;
  let early: NodeJS.Signals | undefined;
  // A terminal's Ctrl-C reaches the program by itself, being in our process group: then we must only survive it.
  // Sending it once more would make it two.
  const isOnTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY === true);
  const pass = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGINT' && isOnTerminal) return;
    if (child === undefined) early = signal;
    else child.kill(signal);
  };
  // Before the program starts: a signal that came between the two would end us and leave the program alone.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const;
  for (const signal of signals) process.on(signal, pass);
  try {
    child = spawn(program, words, {
      stdio: 'inherit',
      env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    if (early !== undefined) child.kill(early);
    return await endOf(child, program);
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}

function endOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(notStarted(program, error)));
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}

function notStarted(program: string, error: unknown): Error {
  const why = systemCodeOf(error) === 'ENOENT' ? 'no such program' : messageOf(error);
  return devstackErrors.create('DEVSTACK_COMMAND_NOT_FOUND', {
    message: `cannot start \`${program}\`: ${why}`,
    hint: 'give the program and its words after `--`, for instance `sampan exec -- node app.js`',
    cause: error,
  });
}

/** NODE_OPTIONS separates at blanks; a word in double quotes may hold them (Node.js documentation, NODE_OPTIONS). */
function quote(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function noProxyHosts(hosts: ReadonlyMap<string, string>): string[] {
  return [...new Set([...hosts].flatMap(([host, address]) => [host, `.${host}`, address]))];
}

function joinPresent(separator: string, parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(separator);
}
