import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConfigInput, defaultConfig, planOf } from '@sampan/config';
import { createTemporaryFolder, type TemporaryFolder } from '@sampan/testkit';
import { type Stack, type StackEvent, type StackOptions, startStack } from './stack.ts';

/** A folder in which a stack can be started again and again. */
export interface StackFolder extends TemporaryFolder {
  /** What `startStack` is given as directory. */
  readonly directory: string;
}

/** Makes a folder that the account of PostgreSQL can reach also when the test runs as root. */
export async function createStackFolder(): Promise<StackFolder> {
  const folder = await createTemporaryFolder();
  await chmod(folder.path, 0o755);
  return { ...folder, directory: join(folder.path, '.sampan') };
}

/** Options in which every port is any free one; `more` is laid over them. */
export function optionsForTests(
  directory: string,
  more: ConfigInput = {},
): StackOptions & { readonly events: StackEvent[] } {
  const port = 0;
  const components = {
    api: { port },
    apiWebsocket: { port },
    worker: { port },
    workerBeat: { port },
    pluginDaemon: { port },
  };
  const config = defaultConfig({
    ...more,
    postgres: { port, ...more.postgres },
    pgproxy: { port, components, ...more.pgproxy },
    // The low ports of the dedicated address cannot be chosen, so that tests side by side would fight for them.
    sls: { httpPort: port, pgPort: port, address: false, ...more.sls },
  });
  const events: StackEvent[] = [];
  return { config, plan: planOf(config), directory, events, on: (event) => events.push(event) };
}

/** Starts a stack on free ports. */
export function startStackForTests(directory: string, more: ConfigInput = {}): Promise<Stack> {
  return startStack(optionsForTests(directory, more));
}
