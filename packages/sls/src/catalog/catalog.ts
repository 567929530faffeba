import { randomBytes } from 'node:crypto';
import type { Clock } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import type { Documents } from '../storage/documents.ts';
import type { LogStorage } from '../storage/store.ts';
import { type IndexConfig, parseIndexConfig } from './index-config.ts';
import { loadCatalog, type StoredIndex } from './load-catalog.ts';
import { type Logstore, type LogstoreInput, mergeSettings, shardCountDefault } from './logstore.ts';
import { checkLogstoreName, checkProjectName } from './names.ts';
import type { Project, ProjectInput } from './project.ts';
import { evenShards } from './shards.ts';

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
  updateProject(name: string, change: { description?: string | undefined }): Promise<void>;
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
  ensureLogstore(project: string, name: string, input?: LogstoreInput): Promise<boolean>;

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

export interface CatalogOptions {
  readonly documents: Documents;
  readonly storage: LogStorage;
  readonly clock: Clock;
  /** Called after a logstore and its log are gone, so that what was derived from it goes too. */
  readonly onDrop: (uid: string) => Promise<void>;
}

/** Reads the catalogue and opens the log of every logstore in it. */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  const { documents, storage, clock } = options;
  const { projects, logstores, indexes } = await loadCatalog(documents);
  const uids = new Set([...logstores.values()].flatMap((some) => [...some.values()].map((one) => one.uid)));
  await storage.dropAllExcept(uids);
  for (const some of logstores.values()) {
    for (const one of some.values()) {
      await storage.open(
        one.uid,
        one.shards.map((shard) => shard.shardID),
      );
    }
  }

  const nowSeconds = (): number => Math.floor(clock.nowMs() / 1000);
  const projectDocument = (name: string): string => `projects/${name}/project`;
  const logstoreDocument = (project: string, name: string): string => `projects/${project}/logstores/${name}`;
  const indexDocument = (project: string, name: string): string => `projects/${project}/indexes/${name}`;

  // Changes run one after another: each checks what the one before it left.
  let last: Promise<unknown> = Promise.resolve();
  function change<T>(run: () => Promise<T>): Promise<T> {
    const next = last.catch(() => {}).then(run);
    last = next.catch(() => {});
    return next;
  }

  function requireProject(name: string): Project {
    const project = projects.get(name);
    if (project === undefined) throw slsErrors.projectNotExist(name);
    return project;
  }

  function requireLogstore(project: string, name: string): Logstore {
    const logstore = logstores.get(project)?.get(name);
    if (logstore !== undefined) return logstore;
    requireProject(project);
    throw slsErrors.logStoreNotExist(name);
  }

  async function saveProject(project: Project): Promise<void> {
    await documents.write(projectDocument(project.projectName), project);
    projects.set(project.projectName, project);
  }

  async function createProject(input: ProjectInput): Promise<void> {
    checkProjectName(input.projectName);
    if (projects.has(input.projectName)) throw slsErrors.projectAlreadyExist(input.projectName);
    const now = nowSeconds();
    await saveProject({
      projectName: input.projectName,
      description: input.description ?? '',
      resourceGroupId: input.resourceGroupId ?? '',
      dataRedundancyType: input.dataRedundancyType ?? 'LRS',
      recycleBinEnabled: input.recycleBinEnabled ?? false,
      createTime: now,
      lastModifyTime: now,
    });
    logstores.set(input.projectName, new Map());
  }

  async function createLogstore(project: string, name: string, input: LogstoreInput = {}): Promise<void> {
    requireProject(project);
    checkLogstoreName(name);
    const settings = mergeSettings(input);
    const shardCount = input.shardCount ?? shardCountDefault;
    if (shardCount < 1 || shardCount > 100) {
      throw slsErrors.logStoreInfoInvalid('shardCount must be within range [1, 100]');
    }
    if (logstores.get(project)?.has(name) === true) throw slsErrors.logStoreAlreadyExist(name);
    const now = nowSeconds();
    const uid = randomBytes(12).toString('hex');
    const shards = evenShards(shardCount, now);
    const logstore = {
      ...settings,
      uid,
      project,
      logstoreName: name,
      shards,
      createTime: now,
      lastModifyTime: now,
    };
    // The log first: a document without its log could not be written to, a log without a document is removed.
    await storage.open(
      uid,
      shards.map((shard) => shard.shardID),
    );
    await documents.write(logstoreDocument(project, name), logstore);
    const some = logstores.get(project) ?? new Map<string, Logstore>();
    some.set(name, logstore);
    logstores.set(project, some);
  }

  async function updateLogstore(project: string, name: string, input: LogstoreInput): Promise<void> {
    const before = requireLogstore(project, name);
    if (before.mode === 'standard' && input.mode === 'lite') {
      throw slsErrors.notSupported(
        'The logstore mode or telemetryType is not supported for current metering mode.',
      );
    }
    const logstore = { ...before, ...mergeSettings(input, before), lastModifyTime: nowSeconds() };
    await documents.write(logstoreDocument(project, name), logstore);
    logstores.get(project)?.set(name, logstore);
  }

  async function deleteLogstore(project: string, name: string): Promise<void> {
    const { uid } = requireLogstore(project, name);
    await documents.remove(logstoreDocument(project, name));
    logstores.get(project)?.delete(name);
    indexes.delete(uid);
    await documents.remove(indexDocument(project, name));
    await storage.drop(uid);
    await options.onDrop(uid);
  }

  async function deleteProject(name: string): Promise<void> {
    requireProject(name);
    const gone = [...(logstores.get(name)?.values() ?? [])];
    // Once this document is gone the project is; the rest is tidied here or at the next start.
    await documents.remove(projectDocument(name));
    projects.delete(name);
    logstores.delete(name);
    await documents.removeFolder(`projects/${name}`);
    for (const { uid } of gone) {
      indexes.delete(uid);
      await storage.drop(uid);
      await options.onDrop(uid);
    }
  }

  async function saveIndex(logstore: Logstore, json: unknown): Promise<void> {
    const config = parseIndexConfig(json);
    const stored = { uid: logstore.uid, json, lastModifyTime: nowSeconds() };
    await documents.write(indexDocument(logstore.project, logstore.logstoreName), stored);
    indexes.set(logstore.uid, { config, json, lastModifyTime: stored.lastModifyTime });
  }

  async function createIndex(project: string, name: string, json: unknown): Promise<void> {
    const logstore = requireLogstore(project, name);
    if (indexes.has(logstore.uid)) throw slsErrors.indexAlreadyExist();
    await saveIndex(logstore, json);
  }

  function requireIndexed(project: string, name: string): Logstore {
    const logstore = requireLogstore(project, name);
    if (!indexes.has(logstore.uid)) throw slsErrors.indexConfigNotExist();
    return logstore;
  }

  function storedIndex(project: string, name: string): StoredIndex | undefined {
    const uid = logstores.get(project)?.get(name)?.uid;
    return uid === undefined ? undefined : indexes.get(uid);
  }

  return {
    projects: () => [...projects.values()].sort((a, b) => (a.projectName < b.projectName ? -1 : 1)),
    project: (name) => projects.get(name),
    requireProject,
    createProject: (input) => change(() => createProject(input)),
    updateProject: (name, { description }) =>
      change(async () => {
        const before = requireProject(name);
        await saveProject({
          ...before,
          description: description ?? before.description,
          lastModifyTime: nowSeconds(),
        });
      }),
    deleteProject: (name) => change(() => deleteProject(name)),
    ensureProject: (input) =>
      change(async () => {
        if (projects.has(input.projectName)) return false;
        await createProject(input);
        return true;
      }),

    logstores: (project) =>
      [...(logstores.get(project)?.values() ?? [])].sort((a, b) =>
        a.logstoreName < b.logstoreName ? -1 : 1,
      ),
    logstore: (project, name) => logstores.get(project)?.get(name),
    requireLogstore,
    createLogstore: (project, name, input) => change(() => createLogstore(project, name, input)),
    updateLogstore: (project, name, input) => change(() => updateLogstore(project, name, input)),
    deleteLogstore: (project, name) => change(() => deleteLogstore(project, name)),
    ensureLogstore: (project, name, input) =>
      change(async () => {
        if (logstores.get(project)?.has(name) === true) return false;
        await createLogstore(project, name, input);
        return true;
      }),

    index: (project, name) => storedIndex(project, name)?.config,
    storedIndex,
    createIndex: (project, name, json) => change(() => createIndex(project, name, json)),
    updateIndex: (project, name, json) => change(() => saveIndex(requireIndexed(project, name), json)),
    deleteIndex: (project, name) =>
      change(async () => {
        const { uid } = requireIndexed(project, name);
        await documents.remove(indexDocument(project, name));
        indexes.delete(uid);
      }),
    ensureIndex: (project, name, json) =>
      change(async () => {
        if (indexes.has(requireLogstore(project, name).uid)) return false;
        await createIndex(project, name, json);
        return true;
      }),
  };
}
