import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, systemCodeOf } from '@sampan/base';
import { devstackErrors } from './errors.ts';

/** Where everything lies below the stack's directory, `.sampan` by default. */
export interface Layout {
  readonly directory: string;
  /** Passwords and keys, mode 0600. */
  readonly secrets: string;
  /** The database cluster, unless `postgresPointer` names another place. */
  readonly postgres: string;
  readonly postgresPointer: string;
  readonly sls: string;
  readonly logs: string;
  /** What belongs to one run: lock and state. */
  readonly run: string;
  readonly state: string;
}

/** Names the files of a stack's directory; touches nothing. */
export function createLayout(directory: string): Layout {
  const root = resolve(directory);
  const run = join(root, 'run');
  return {
    directory: root,
    secrets: join(root, 'secrets.json'),
    postgres: join(root, 'postgres'),
    postgresPointer: join(root, 'postgres.location'),
    sls: join(root, 'sls'),
    logs: join(root, 'logs'),
    run,
    state: join(run, 'state.json'),
  };
}

/** Creates the folders of a stack. */
export async function ensureLayout(layout: Layout): Promise<void> {
  try {
    for (const folder of [layout.directory, layout.run, layout.logs, layout.sls]) {
      await mkdir(folder, { recursive: true });
    }
    // Inherited modes differ by umask; the run folder holds credentials in its state file.
    await chmod(layout.run, 0o700);
  } catch (error) {
    throw devstackErrors.create('DEVSTACK_DIRECTORY_UNUSABLE', {
      message: `cannot prepare the directory ${layout.directory}: ${messageOf(error)}`,
      hint: 'make it writable for this user, or choose another one with --directory',
      cause: error,
    });
  }
}

/** Replaces a private JSON file (mode 0600) in one step, so that a reader never sees half of it. */
export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(aside, path);
}

/** The text of a file, or `undefined` if there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw devstackErrors.create('DEVSTACK_DIRECTORY_UNUSABLE', {
      message: `cannot read ${path}: ${messageOf(error)}`,
      hint: 'run the command as the user who started the stack, or choose another --directory',
      cause: error,
    });
  }
}
