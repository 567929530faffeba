import { createHash } from 'node:crypto';
import { lstat, mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Account, mayEnter } from '@sampan/postgres';
import { devstackErrors } from '../errors.ts';
import { type Layout, readIfPresent } from '../layout.ts';

/** Where the stack's cluster lies, whether or not it exists yet. */
export interface ClusterPlace {
  readonly folder: string;
  /** Set when it had to be put outside the stack's directory. */
  readonly isElsewhere: boolean;
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

/**
 * Chooses the place of the cluster: the stack's directory, unless the account PostgreSQL is dropped to cannot reach
 * that; then a file there names the folder below /var.
 */
export async function ensureClusterPlace(
  layout: Layout,
  account: Account | undefined,
): Promise<ClusterPlace> {
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
