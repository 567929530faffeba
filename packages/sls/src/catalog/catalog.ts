import { randomBytes } from 'node:crypto';
import type { Clock } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import type { Documents } from '../storage/documents.ts';
import type { LogStorage } from '../storage/store.ts';
import { type IndexConfig, parseIndexConfig } from './index-config.ts';
import { type CatalogTables, loadCatalog, type StoredIndex } from './load-catalog.ts';
import { type Logstore, type LogstoreInput, mergeSettings, shardCountDefault } from './logstore.ts';
import { checkLogstoreName, checkProjectName } from './names.ts';
import type { Project, ProjectChange, ProjectInput } from './project.ts';
import { evenShards, mergeShards, requireShard, type Shard, type ShardChange, splitShard } from './shards.ts';

/**
 * Projects, logstores and their indexes. Reads are synchronous, from memory; a change resolves when it is
 * durable and throws the vendor's error when it is not possible.
 */
export interface Catalog {
  projects(): readonly Project[];
  project(name: string): Project | undefined;
  /** The project, or `ProjectNotExist`. */
  requireProject(name: string): Project;
  createProject(input: ProjectInput): Promise<void>;
  updateProject(name: string, change: ProjectChange): Promise<void>;
  deleteProject(name: string): Promise<void>;
  /** Creates the project unless it is there; true when it was created. */
  ensureProject(input: ProjectInput): Promise<boolean>;

  /** In the order of their names. */
  logstores(project: string): readonly Logstore[];
  logstore(project: string, name: string): Logstore | undefined;
  /** The logstore, or `ProjectNotExist`, or `LogStoreNotExist`. */
  requireLogstore(project: string, name: string): Logstore;
  createLogstore(project: string, name: string, input?: LogstoreInput): Promise<void>;
  updateLogstore(project: string, name: string, input: LogstoreInput): Promise<void>;
  deleteLogstore(project: string, name: string): Promise<void>;
  /** Takes a logstore's logs away; settings, shards and index stay. */
  clearLogstore(project: string, name: string): Promise<void>;
  ensureLogstore(project: string, name: string, input?: LogstoreInput): Promise<boolean>;

  /** Splits a shard; resolves with the old shard and the new ones. */
  splitShard(project: string, logstore: string, split: ShardSplitRequest): Promise<readonly Shard[]>;
  /** Merges a shard with its right neighbour; resolves with the new shard and the two old ones. */
  mergeShards(project: string, logstore: string, shard: number): Promise<readonly Shard[]>;
  /** Removes a readonly shard with what is left of its log. */
  deleteShard(project: string, logstore: string, shard: number): Promise<void>;

  /** The checked index of a logstore; `undefined` when it has none. */
  index(project: string, logstore: string): IndexConfig | undefined;
  /** The index as it was sent, with the time of its last change; `undefined` when there is none. */
  storedIndex(project: string, logstore: string): StoredIndex | undefined;
  createIndex(project: string, logstore: string, json: unknown): Promise<void>;
  updateIndex(project: string, logstore: string, json: unknown): Promise<void>;
  deleteIndex(project: string, logstore: string): Promise<void>;
  /** Creates the index unless the logstore has one; true when it was created. */
  ensureIndex(project: string, logstore: string, json: unknown): Promise<boolean>;
}

/** How to split a shard; see `ShardSplit`. */
export interface ShardSplitRequest {
  readonly shard: number;
  readonly key?: string | undefined;
  readonly count?: number | undefined;
}

export interface CatalogOptions {
  readonly documents: Documents;
  readonly storage: LogStorage;
  readonly clock: Clock;
  /**
   * Called after a logstore and its log are gone, so that what was derived from it goes too. `successor` is given
   * when the logstore was only cleared: its data goes by that uid from now on.
   */
  readonly onDrop: (uid: string, successor?: string) => Promise<void>;
  /** Called after a project is gone, so that what else it held goes too. */
  readonly onProjectDrop?: (project: string) => Promise<void>;
}

/** The service's bounds on an account and on a project. */
const projectsMax = 150;
const logstoresMax = 200;
const shardsMax = 400;

/** Reads the catalogue and opens the log of every logstore in it. */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  const tables = await loadCatalog(options.documents);
  const logstores = [...tables.logstores.values()].flatMap((some) => [...some.values()]);
  await options.storage.dropAllExcept(new Set(logstores.map((logstore) => logstore.uid)));
  for (const { uid, shards } of logstores) await options.storage.open(uid, shards.map(shardNumber));
  return new DurableCatalog(options, tables);
}

class DurableCatalog implements Catalog {
  readonly #options: CatalogOptions;
  readonly #tables: CatalogTables;
  /** Changes run one after another: each checks what the one before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: CatalogOptions, tables: CatalogTables) {
    this.#options = options;
    this.#tables = tables;
  }

  projects(): readonly Project[] {
    return [...this.#tables.projects.values()].sort((a, b) => (a.projectName < b.projectName ? -1 : 1));
  }

  project(name: string): Project | undefined {
    return this.#tables.projects.get(name);
  }

  requireProject(name: string): Project {
    const project = this.project(name);
    if (project === undefined) throw slsErrors.projectNotExist(name);
    return project;
  }

  createProject(input: ProjectInput): Promise<void> {
    return this.#change(() => this.#createProject(input));
  }

  ensureProject(input: ProjectInput): Promise<boolean> {
    return this.#change(async () => {
      if (this.project(input.projectName) !== undefined) return false;
      await this.#createProject(input);
      return true;
    });
  }

  updateProject(name: string, change: ProjectChange): Promise<void> {
    return this.#change(async () => {
      const before = this.requireProject(name);
      const description = change.description ?? before.description;
      const resourceGroupId = change.resourceGroupId ?? before.resourceGroupId;
      const lastModifyTime = this.#nowSeconds();
      await this.#saveProject({ ...before, description, resourceGroupId, lastModifyTime });
    });
  }

  deleteProject(name: string): Promise<void> {
    return this.#change(async () => {
      this.requireProject(name);
      const gone = this.logstores(name);
      // Once this document is gone the project is; the rest is tidied here or at the next start.
      await this.#options.documents.remove(projectDocument(name));
      this.#tables.projects.delete(name);
      this.#tables.logstores.delete(name);
      await this.#options.documents.removeFolder(`projects/${name}`);
      for (const { uid } of gone) await this.#dropData(uid);
      await this.#options.onProjectDrop?.(name);
    });
  }

  logstores(project: string): readonly Logstore[] {
    return [...this.#logstoresOf(project).values()].sort((a, b) =>
      a.logstoreName < b.logstoreName ? -1 : 1,
    );
  }

  logstore(project: string, name: string): Logstore | undefined {
    return this.#tables.logstores.get(project)?.get(name);
  }

  requireLogstore(project: string, name: string): Logstore {
    const logstore = this.logstore(project, name);
    if (logstore !== undefined) return logstore;
    this.requireProject(project);
    throw slsErrors.logStoreNotExist(name);
  }

  createLogstore(project: string, name: string, input: LogstoreInput = {}): Promise<void> {
    return this.#change(() => this.#createLogstore(project, name, input));
  }

  ensureLogstore(project: string, name: string, input: LogstoreInput = {}): Promise<boolean> {
    return this.#change(async () => {
      if (this.logstore(project, name) !== undefined) return false;
      await this.#createLogstore(project, name, input);
      return true;
    });
  }

  updateLogstore(project: string, name: string, input: LogstoreInput): Promise<void> {
    return this.#change(async () => {
      const before = this.requireLogstore(project, name);
      if (before.mode === 'standard' && input.mode === 'lite') {
        throw slsErrors.notSupported(
          'The logstore mode or telemetryType is not supported for current metering mode.',
        );
      }
      await this.#saveLogstore({
        ...before,
        ...mergeSettings(input, before),
        lastModifyTime: this.#nowSeconds(),
      });
    });
  }

  deleteLogstore(project: string, name: string): Promise<void> {
    return this.#change(async () => {
      const { uid } = this.requireLogstore(project, name);
      await this.#options.documents.remove(logstoreDocument(project, name));
      this.#logstoresOf(project).delete(name);
      await this.#options.documents.remove(indexDocument(project, name));
      await this.#dropData(uid);
    });
  }

  clearLogstore(project: string, name: string): Promise<void> {
    return this.#change(async () => {
      const before = this.requireLogstore(project, name);
      const uid = newUid();
      await this.#options.storage.open(uid, before.shards.map(shardNumber));
      const index = this.#tables.indexes.get(before.uid);
      // From here until the logstore's document is replaced the index belongs to either.
      const stored = index && { json: index.json, lastModifyTime: index.lastModifyTime };
      const indexName = indexDocument(project, name);
      const shared = { uid: before.uid, nextUid: uid };
      if (stored) await this.#options.documents.write(indexName, { ...stored, ...shared });
      await this.#saveLogstore({ ...before, uid });
      if (stored) await this.#options.documents.write(indexName, { ...stored, uid });
      if (index) this.#tables.indexes.set(uid, index);
      await this.#dropData(before.uid, uid);
    });
  }

  splitShard(project: string, name: string, split: ShardSplitRequest): Promise<readonly Shard[]> {
    return this.#changeShards(project, name, (shards, now) => splitShard(shards, { ...split, now }));
  }

  mergeShards(project: string, name: string, shard: number): Promise<readonly Shard[]> {
    return this.#changeShards(project, name, (shards, now) => mergeShards(shards, { shard, now }));
  }

  deleteShard(project: string, name: string, id: number): Promise<void> {
    return this.#change(async () => {
      const before = this.requireLogstore(project, name);
      if (requireShard(before.shards, id).status !== 'readonly') {
        throw slsErrors.parameterInvalid(`shard ${id} is readwrite, only readonly shards can be deleted`);
      }
      await this.#saveLogstore({
        ...before,
        shards: before.shards.filter((shard) => shard.shardID !== id),
        lastModifyTime: this.#nowSeconds(),
      });
      await this.#options.storage.dropShard(before.uid, id);
    });
  }

  index(project: string, logstore: string): IndexConfig | undefined {
    return this.storedIndex(project, logstore)?.config;
  }

  storedIndex(project: string, logstore: string): StoredIndex | undefined {
    const uid = this.logstore(project, logstore)?.uid;
    return uid === undefined ? undefined : this.#tables.indexes.get(uid);
  }

  createIndex(project: string, logstore: string, json: unknown): Promise<void> {
    return this.#change(async () => {
      const target = this.requireLogstore(project, logstore);
      if (this.#tables.indexes.has(target.uid)) throw slsErrors.indexAlreadyExist();
      await this.#saveIndex(target, json);
    });
  }

  ensureIndex(project: string, logstore: string, json: unknown): Promise<boolean> {
    return this.#change(async () => {
      const target = this.requireLogstore(project, logstore);
      if (this.#tables.indexes.has(target.uid)) return false;
      await this.#saveIndex(target, json);
      return true;
    });
  }

  updateIndex(project: string, logstore: string, json: unknown): Promise<void> {
    return this.#change(() => this.#saveIndex(this.#requireIndexed(project, logstore), json));
  }

  deleteIndex(project: string, logstore: string): Promise<void> {
    return this.#change(async () => {
      const { uid } = this.#requireIndexed(project, logstore);
      await this.#options.documents.remove(indexDocument(project, logstore));
      this.#tables.indexes.delete(uid);
    });
  }

  #change<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#last.catch(() => {}).then(run);
    this.#last = next.catch(() => {});
    return next;
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock.nowMs() / 1000);
  }

  #logstoresOf(project: string): Map<string, Logstore> {
    return this.#tables.logstores.get(project) ?? new Map<string, Logstore>();
  }

  #writableShards(project: string): number {
    const shards = this.logstores(project).flatMap((logstore) => logstore.shards);
    return shards.filter((shard) => shard.status === 'readwrite').length;
  }

  #requireIndexed(project: string, name: string): Logstore {
    const logstore = this.requireLogstore(project, name);
    if (!this.#tables.indexes.has(logstore.uid)) throw slsErrors.indexConfigNotExist();
    return logstore;
  }

  async #saveProject(project: Project): Promise<void> {
    await this.#options.documents.write(projectDocument(project.projectName), project);
    this.#tables.projects.set(project.projectName, project);
  }

  async #createProject(input: ProjectInput): Promise<void> {
    checkProjectName(input.projectName);
    if (this.project(input.projectName) !== undefined) {
      throw slsErrors.projectAlreadyExist(input.projectName);
    }
    if (this.#tables.projects.size >= projectsMax) throw slsErrors.projectQuotaExceed(projectsMax);
    const now = this.#nowSeconds();
    await this.#saveProject({
      projectName: input.projectName,
      description: input.description ?? '',
      resourceGroupId: input.resourceGroupId ?? '',
      dataRedundancyType: input.dataRedundancyType ?? 'LRS',
      recycleBinEnabled: input.recycleBinEnabled ?? false,
      createTime: now,
      lastModifyTime: now,
    });
  }

  async #createLogstore(project: string, name: string, input: LogstoreInput): Promise<void> {
    this.requireProject(project);
    checkLogstoreName(name);
    const settings = mergeSettings(input);
    const shardCount = input.shardCount ?? shardCountDefault;
    if (shardCount < 1 || shardCount > 100) {
      throw slsErrors.logStoreInfoInvalid('shardCount must be within range [1, 100]');
    }
    if (this.logstore(project, name) !== undefined) throw slsErrors.logStoreAlreadyExist(name);
    if (this.#logstoresOf(project).size >= logstoresMax) {
      throw slsErrors.exceedQuota(`a project has at most ${logstoresMax} logstores`);
    }
    if (this.#writableShards(project) + shardCount > shardsMax) {
      throw slsErrors.exceedQuota(`a project has at most ${shardsMax} readwrite shards`);
    }
    const now = this.#nowSeconds();
    const uid = newUid();
    const shards = evenShards(shardCount, now);
    // The log first: a document without its log could not be written to, a log without a document is removed.
    await this.#options.storage.open(uid, shards.map(shardNumber));
    await this.#saveLogstore({
      ...settings,
      uid,
      project,
      logstoreName: name,
      shards,
      createTime: now,
      lastModifyTime: now,
    });
  }

  /** The new shards' log first, as at creation. From the saved document on nothing more goes into the old ones. */
  #changeShards(
    project: string,
    name: string,
    change: (shards: readonly Shard[], now: number) => ShardChange,
  ): Promise<readonly Shard[]> {
    return this.#change(async () => {
      const before = this.requireLogstore(project, name);
      const now = this.#nowSeconds();
      const { shards, touched } = change(before.shards, now);
      await this.#options.storage.open(before.uid, shards.map(shardNumber));
      await this.#saveLogstore({ ...before, shards, lastModifyTime: now });
      for (const shard of touched) {
        if (shard.status === 'readonly') await this.#options.storage.settled(before.uid, shard.shardID);
      }
      return touched;
    });
  }

  async #saveLogstore(logstore: Logstore): Promise<void> {
    const { project, logstoreName } = logstore;
    await this.#options.documents.write(logstoreDocument(project, logstoreName), logstore);
    const some = this.#logstoresOf(project);
    some.set(logstoreName, logstore);
    this.#tables.logstores.set(project, some);
  }

  async #saveIndex(logstore: Logstore, json: unknown): Promise<void> {
    const config = parseIndexConfig(json);
    const { uid, project, logstoreName } = logstore;
    const stored = { uid, json, lastModifyTime: this.#nowSeconds() };
    await this.#options.documents.write(indexDocument(project, logstoreName), stored);
    this.#tables.indexes.set(uid, { config, json, lastModifyTime: stored.lastModifyTime });
  }

  async #dropData(uid: string, successor?: string): Promise<void> {
    this.#tables.indexes.delete(uid);
    await this.#options.storage.drop(uid);
    await this.#options.onDrop(uid, successor);
  }
}

/** Names the data of a logstore. */
function newUid(): string {
  return randomBytes(12).toString('hex');
}

function shardNumber(shard: Shard): number {
  return shard.shardID;
}

function projectDocument(project: string): string {
  return `projects/${project}/project`;
}

function logstoreDocument(project: string, logstore: string): string {
  return `projects/${project}/logstores/${logstore}`;
}

function indexDocument(project: string, logstore: string): string {
  return `projects/${project}/indexes/${logstore}`;
}
