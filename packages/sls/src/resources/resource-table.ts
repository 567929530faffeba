import { createHash } from 'node:crypto';
import { z } from 'zod';
import { slsEmulatorErrors } from '../errors.ts';
import type { Documents } from '../storage/documents.ts';
import type { StoredResource } from './resource-kind.ts';

/** Where entries lie: a table of a project (or of the account), and the owner within it where there is one. */
export interface Place {
  /** `undefined` is the account. */
  readonly project: string | undefined;
  readonly table: string;
  /** Uid of a logstore or name of another resource; `''` when nothing owns the entries. */
  readonly owner: string;
}

/**
 * Every store-and-echo entry. Reads are synchronous, from memory; a change resolves when it is durable. Whoever
 * checks before changing does both within `exclusive`.
 */
export interface ResourceTable {
  get(place: Place, name: string): StoredResource | undefined;
  /** In the order of their names. */
  list(place: Place): readonly StoredResource[];
  put(place: Place, resource: StoredResource): Promise<void>;
  remove(place: Place, name: string): Promise<void>;
  /** Runs one change after another. */
  exclusive<T>(change: () => Promise<T>): Promise<T>;
  /** Removes what belongs to a resource or logstore in some tables. */
  removeOwned(owned: {
    project: string | undefined;
    tables: readonly string[];
    owner: string;
  }): Promise<void>;
  /** Removes everything of a project, after the changes under way. */
  dropProject(project: string): Promise<void>;
  /** Removes everything of a logstore, or gives it to its successor, after the changes under way. */
  dropLogstore(uid: string, successor?: string): Promise<void>;
  /** Removes what was left behind by a deletion that was interrupted. */
  dropAllExcept(kept: {
    readonly projects: ReadonlySet<string>;
    readonly logstores: ReadonlySet<string>;
  }): Promise<void>;
}

const documentSchema = z.object({
  project: z.string().optional(),
  table: z.string(),
  owner: z.string(),
  resource: z.object({
    name: z.string(),
    body: z.record(z.string(), z.unknown()),
    createTime: z.number(),
    lastModifyTime: z.number(),
    links: z.array(z.string()),
  }),
});

/** Tables whose owner is a logstore, by its uid. */
const logstoreTables: readonly string[] = ['logstore-settings', 'shippers'];

/** Reads every entry. What belongs to a project or logstore that is gone stays until `dropAllExcept`. */
export async function openResourceTable(documents: Documents): Promise<ResourceTable> {
  const table = new DurableResourceTable(documents);
  for (const [name, value] of await documents.load()) {
    const parsed = documentSchema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw slsEmulatorErrors.create('SLS_DOCUMENT_CORRUPT', {
        message: `resource document ${name}.json is not what it should be: ${issue?.path.join('.')}: ${issue?.message}`,
        hint: 'restore the file from a copy, or move it away to go on without it',
      });
    }
    const { resource, project, table: kind, owner } = parsed.data;
    table.load({ project, table: kind, owner }, resource);
  }
  return table;
}

class DurableResourceTable implements ResourceTable {
  readonly #documents: Documents;
  /** Entries by place, then by name. */
  readonly #places = new Map<string, { place: Place; entries: Map<string, StoredResource> }>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(documents: Documents) {
    this.#documents = documents;
  }

  load(place: Place, resource: StoredResource): void {
    const key = keyOf(place);
    const found = this.#places.get(key) ?? { place, entries: new Map<string, StoredResource>() };
    found.entries.set(resource.name, resource);
    this.#places.set(key, found);
  }

  get(place: Place, name: string): StoredResource | undefined {
    return this.#places.get(keyOf(place))?.entries.get(name);
  }

  list(place: Place): readonly StoredResource[] {
    const entries = this.#places.get(keyOf(place))?.entries.values() ?? [];
    return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async put(place: Place, resource: StoredResource): Promise<void> {
    await this.#documents.write(documentOf(place, resource.name), { ...place, resource });
    this.load(place, resource);
  }

  async remove(place: Place, name: string): Promise<void> {
    await this.#documents.remove(documentOf(place, name));
    const key = keyOf(place);
    const entries = this.#places.get(key)?.entries;
    entries?.delete(name);
    if (entries?.size === 0) this.#places.delete(key);
  }

  exclusive<T>(change: () => Promise<T>): Promise<T> {
    const next = this.#last.then(change);
    this.#last = next.catch(() => {});
    return next;
  }

  async removeOwned(owned: Parameters<ResourceTable['removeOwned']>[0]): Promise<void> {
    for (const table of owned.tables) {
      const place = { project: owned.project, table, owner: owned.owner };
      for (const { name } of this.list(place)) await this.remove(place, name);
    }
  }

  dropLogstore(uid: string, successor?: string): Promise<void> {
    const isOfLogstore = ({ table, owner }: Place): boolean =>
      logstoreTables.includes(table) && owner === uid;
    return this.exclusive(async () => {
      if (successor !== undefined) {
        for (const { place, entries } of [...this.#places.values()].filter((each) =>
          isOfLogstore(each.place),
        )) {
          for (const entry of entries.values()) await this.put({ ...place, owner: successor }, entry);
        }
      }
      await this.#removeAll(isOfLogstore);
    });
  }

  dropAllExcept(kept: Parameters<ResourceTable['dropAllExcept']>[0]): Promise<void> {
    return this.exclusive(() =>
      this.#removeAll(({ project, table, owner }) => {
        if (project === undefined) return false;
        return !kept.projects.has(project) || (logstoreTables.includes(table) && !kept.logstores.has(owner));
      }),
    );
  }

  dropProject(project: string): Promise<void> {
    return this.exclusive(async () => {
      for (const [key, { place }] of [...this.#places]) {
        if (place.project === project) this.#places.delete(key);
      }
      await this.#documents.removeFolder(`projects/${project}`);
    });
  }

  async #removeAll(isGone: (place: Place) => boolean): Promise<void> {
    for (const { place, entries } of [...this.#places.values()]) {
      if (!isGone(place)) continue;
      for (const name of [...entries.keys()]) await this.remove(place, name);
    }
  }
}

function keyOf({ project, table, owner }: Place): string {
  return JSON.stringify([project ?? null, table, owner]);
}

/** Names of resources may be any text, those of files may not: the document is named by a digest. */
function documentOf(place: Place, name: string): string {
  const folder = place.project === undefined ? 'account' : `projects/${place.project}`;
  const digest = createHash('sha256')
    .update(JSON.stringify([place.owner, name]))
    .digest('hex')
    .slice(0, 32);
  return `${folder}/${place.table}/${digest}`;
}
