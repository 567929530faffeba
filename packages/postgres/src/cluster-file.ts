import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '@sampan/base';
import { postgresErrors } from './errors.ts';

/** The text of a file of the cluster in `folder`, or `undefined` if there is none. */
export async function readClusterFile(
  folder: string,
  name: 'PG_VERSION' | 'postmaster.pid',
): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw postgresErrors.create('POSTGRES_FOLDER_UNREADABLE', {
      message: `cannot read ${join(folder, name)}: ${messageOf(error)}`,
      hint: 'run the command as the user who made the database, or choose another folder',
      cause: error,
    });
  }
}
