import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { messageOf, systemCodeOf } from '@sampan/base';
import { slsEmulatorErrors } from '../errors.ts';
import { syncDirectory } from './sync-directory.ts';

/** Small JSON documents, each a file. A write is all there or not there, also after a crash. */
export interface Documents {
  /** Every document by its name, which is its path without `.json`, parts joined by `/`. */
  load(): Promise<Map<string, unknown>>;
  /** Resolves when the document is durable. Writes of one name keep their order. */
  write(name: string, value: unknown): Promise<void>;
  /** Removes a document. Resolves when the removal is durable. */
  remove(name: string): Promise<void>;
  /** Removes everything below a folder; not atomic, so remove the document that others hang on first. */
  removeFolder(folder: string): Promise<void>;
}

const extension = '.json';

/** Creates a store of documents below `directory`. Names are used as paths: the caller checks them. */
export function createDocuments(directory: string): Documents {
  /** The last change of each name that has one under way. */
  const changing = new Map<string, Promise<void>>();
  let serial = 0;

  function inOrder(name: string, change: () => Promise<void>): Promise<void> {
    const next = (changing.get(name) ?? Promise.resolve())
      .catch(() => {})
      .then(change)
      .finally(() => {
        if (changing.get(name) === next) changing.delete(name);
      });
    changing.set(name, next);
    return next;
  }

  async function replace(name: string, value: unknown): Promise<void> {
    const path = join(directory, name + extension);
    const aside = `${path}.${process.pid}.${serial++}.tmp`;
    await makeFolder(dirname(path));
    try {
      await using file = await open(aside, 'wx', 0o600);
      await file.writeFile(`${JSON.stringify(value, null, 1)}\n`);
      await file.sync();
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
    await rename(aside, path);
    await syncDirectory(dirname(path));
  }

  async function makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    // Each new folder's name stands in its parent.
    for (let made = folder; made.length >= first.length; made = dirname(made))
      await syncDirectory(dirname(made));
  }

  return {
    async load() {
      const documents = new Map<string, unknown>();
      await mkdir(directory, { recursive: true });
      for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        // Left over from a crash between writing and renaming.
        if (entry.name.endsWith('.tmp')) await rm(path, { force: true });
        if (!entry.name.endsWith(extension)) continue;
        const name = relative(directory, path).slice(0, -extension.length).split(sep).join('/');
        documents.set(name, await readDocument(path));
      }
      return documents;
    },
    write: (name, value) => inOrder(name, () => replace(name, value)),
    remove: (name) =>
      inOrder(name, async () => {
        const path = join(directory, name + extension);
        await rm(path, { force: true });
        await syncDirectory(dirname(path)).catch((error: unknown) => {
          if (systemCodeOf(error) !== 'ENOENT') throw error;
        });
      }),
    removeFolder: (folder) => rm(join(directory, folder), { recursive: true, force: true }),
  };
}

async function readDocument(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw slsEmulatorErrors.create('SLS_DOCUMENT_CORRUPT', {
      message: `${path} cannot be read: ${messageOf(error)}`,
      hint: 'restore the file from a copy, or move it away to go on without it',
      cause: error,
    });
  }
}
