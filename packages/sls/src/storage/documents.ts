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
  return new DocumentFolder(directory);
}

class DocumentFolder implements Documents {
  readonly #directory: string;
  /** The last change of each name that has one under way. */
  readonly #changing = new Map<string, Promise<void>>();
  #serial = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async load(): Promise<Map<string, unknown>> {
    const documents = new Map<string, unknown>();
    await mkdir(this.#directory, { recursive: true });
    for (const entry of await readdir(this.#directory, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      // Left over from a crash between writing and renaming.
      if (entry.name.endsWith('.tmp')) await rm(path, { force: true });
      if (!entry.name.endsWith(extension)) continue;
      const name = relative(this.#directory, path).slice(0, -extension.length).split(sep).join('/');
      documents.set(name, await readDocument(path));
    }
    return documents;
  }

  write(name: string, value: unknown): Promise<void> {
    return this.#inOrder(name, () => this.#replace(this.#pathOf(name), value));
  }

  remove(name: string): Promise<void> {
    return this.#inOrder(name, async () => {
      const path = this.#pathOf(name);
      await rm(path, { force: true });
      await syncDirectory(dirname(path)).catch((error: unknown) => {
        if (systemCodeOf(error) !== 'ENOENT') throw error;
      });
    });
  }

  removeFolder(folder: string): Promise<void> {
    return rm(join(this.#directory, folder), { recursive: true, force: true });
  }

  #pathOf(name: string): string {
    return join(this.#directory, name + extension);
  }

  #inOrder(name: string, change: () => Promise<void>): Promise<void> {
    const next = (this.#changing.get(name) ?? Promise.resolve())
      .catch(() => {})
      .then(change)
      .finally(() => {
        if (this.#changing.get(name) === next) this.#changing.delete(name);
      });
    this.#changing.set(name, next);
    return next;
  }

  async #replace(path: string, value: unknown): Promise<void> {
    await makeFolder(dirname(path));
    const aside = `${path}.${process.pid}.${this.#serial++}.tmp`;
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
}

async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  // Each new folder's name stands in its parent.
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
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
