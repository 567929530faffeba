import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder, type TemporaryFolder } from '@sampan/testkit';
import { freePorts, runSampan, startDevStack } from './apps.ts';
import type { Ending, ProcessOptions, ReadyProcess } from './running-process.ts';

/** A folder with a `sampan.yaml` of its own, in which a stack can be started again and again. */
export interface StackFolder extends TemporaryFolder {
  readonly config: string;
  /** Where the stack keeps its data. */
  readonly data: string;
  /** The ports that the configuration names. */
  readonly ports: StackPorts;
  start(): Promise<ReadyProcess>;
  sampan(
    parameters: readonly string[],
    options?: Pick<ProcessOptions, 'environment'> & { timeoutMs?: number },
  ): Promise<Ending & { readonly stdout: string; readonly stderr: string }>;
}

export interface StackPorts {
  readonly postgres: number;
  readonly proxy: number;
  readonly api: number;
  readonly slsHttp: number;
  readonly slsPg: number;
}

/** `sampan.yaml` in which nothing collides with another stack on this machine. */
async function configWithFreePorts(more: string): Promise<{ text: string; ports: StackPorts }> {
  const [postgres = 0, proxy = 0, api = 0, socket = 0, worker = 0, beat = 0, plugin = 0, http = 0, pg = 0] =
    await freePorts(9);
  // A loopback address that hardly anybody else has: its ports 80 and 5432 are fixed.
  const tail = Array.from({ length: 2 }, () => 1 + Math.floor(Math.random() * 253)).join('.');
  const lines = [
    'name: e2e',
    'postgres:',
    `  port: ${postgres}`,
    'pgproxy:',
    `  port: ${proxy}`,
    '  components:',
    `    api: { port: ${api} }`,
    `    apiWebsocket: { port: ${socket} }`,
    `    worker: { port: ${worker} }`,
    `    workerBeat: { port: ${beat} }`,
    `    pluginDaemon: { port: ${plugin} }`,
    'sls:',
    `  httpPort: ${http}`,
    `  pgPort: ${pg}`,
    `  address: 127.77.${tail}`,
    more,
  ];
  return { text: lines.join('\n'), ports: { postgres, proxy, api, slsHttp: http, slsPg: pg } };
}

/** Makes the folder and its configuration; `more` is YAML to append. */
export async function createStackFolder(more = ''): Promise<StackFolder> {
  const folder = await createTemporaryFolder();
  // As root, the account that PostgreSQL runs as has to reach the data; otherwise the stack keeps them elsewhere.
  await chmod(folder.path, 0o755);
  const config = join(folder.path, 'sampan.yaml');
  const data = join(folder.path, '.sampan');
  const { text, ports } = await configWithFreePorts(more);
  await writeFile(config, text);
  return {
    ports,
    path: folder.path,
    config,
    data,
    start: () => startDevStack(['--directory', data, '--config', config], { cwd: folder.path }),
    sampan: ([command = '', ...rest], options = {}) =>
      runSampan([command, '--directory', data, ...rest], { cwd: folder.path, ...options }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A running stack in a folder of its own. */
export interface StackOfTest extends AsyncDisposable {
  readonly folder: StackFolder;
  readonly process: ReadyProcess;
  /** What `sampan env` gives to a program. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs a program under `sampan exec`. */
  exec(
    command: readonly string[],
    options?: Pick<ProcessOptions, 'environment'> & { timeoutMs?: number },
  ): ReturnType<StackFolder['sampan']>;
}

/** Reads `sampan env` of a running stack. */
export async function readEnvironment(folder: StackFolder): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await folder.sampan(['env', '--format', 'json']);
  if (code !== 0) throw new Error(`sampan env exited with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, string>;
}

/** Starts a stack in a new folder; both go at the end of the scope. */
export async function startStackOfTest(more = ''): Promise<StackOfTest> {
  const folder = await createStackFolder(more);
  try {
    const process = await folder.start();
    return {
      folder,
      process,
      environment: await readEnvironment(folder),
      exec: (command, options = {}) => folder.sampan(['exec', '--', ...command], options),
      [Symbol.asyncDispose]: async () => {
        await process.stop();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
