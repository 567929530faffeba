import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, createLifecycle, type Lifecycle, silentLog, systemClock } from '@sampan/base';
import { type AccessKey, type Authenticator, createAuthenticator } from './auth/authenticate.ts';
import { keepIdentity } from './auth/identity.ts';
import { type Catalog, openCatalog } from './catalog/catalog.ts';
import { type ConsumerGroups, openConsumerGroups } from './consumer/consumer-groups.ts';
import { slsEmulatorErrors } from './errors.ts';
import { createFaults, type FaultInjection, type Faults } from './faults/faults.ts';
import { createFaultyEngine } from './faults/faulty-engine.ts';
import { createLateVisibility, type LateVisibility } from './faults/late-visibility.ts';
import { defaultBaseDomains } from './http/address.ts';
import { createAdmin } from './http/admin.ts';
import { createHttpFrontEnd } from './http/front-end.ts';
import { createIndexEngine } from './index-engine/engine.ts';
import type { IndexEngine, LogstoreView } from './index-engine/index-engine.ts';
import { createIngest } from './ingest/ingest.ts';
import { type Address, type Listener, listenEverywhere, type PartialListener } from './listeners.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { SlsOptions } from './options.ts';
import { createPgFrontEnd } from './pg/front-end.ts';
import { openResourceTable, type ResourceTable } from './resources/resource-table.ts';
import { startRetention } from './retention/retention.ts';
import { takeSnapshot } from './snapshot/snapshot.ts';
import { createDamageReporter } from './storage/damage.ts';
import { lockDirectory } from './storage/directory-lock.ts';
import { createDocuments } from './storage/documents.ts';
import { createRecordFinder } from './storage/record-finder.ts';
import { createSegmentStorage, type LogStorage } from './storage/store.ts';

/** A running emulator. */
export interface Sls extends AsyncDisposable {
  readonly httpPort: number;
  /** `undefined` when the PostgreSQL protocol is switched off. */
  readonly pgPort: number | undefined;
  /** The first pair that may sign. */
  readonly accessKey: AccessKey;
  /** Every address on which it answers, the main one first. */
  readonly listeners: readonly [Listener, ...PartialListener[]];
  /** Optional addresses that the system did not grant, each with the reason. */
  readonly refused: readonly { readonly address: Address; readonly reason: string }[];
  /** PEM of the certificate shown to clients that ask for TLS. */
  readonly certificate: string;
  /** For set-up in process: `ensureProject`, `ensureLogstore`, `ensureIndex`. */
  readonly catalog: Catalog;
  /** Makes it as harsh as the cloud: quotas, errors, latency. Nothing is in force until it is added. */
  readonly faults: FaultInjection;
  /**
   * Copies the data directory, with everything acknowledged so far, to a folder that must not exist yet. Restoring
   * is starting an emulator on the copy.
   */
  snapshot(directory: string): Promise<void>;
  /** Stops listening, finishes what is acknowledged, closes every file. Twice is fine. */
  stop(): Promise<void>;
}

/** Starts the emulator. Rejects with a coded error, having released everything it had acquired. */
export async function startSls(options: SlsOptions): Promise<Sls> {
  const lifecycle = createLifecycle();
  try {
    return await start(options, lifecycle);
  } catch (error) {
    await lifecycle.stop().catch(() => {});
    throw error;
  }
}

/** Acquires from the bottom up; the lifecycle releases in reverse: listeners, index, log, lock. */
async function start(options: SlsOptions, lifecycle: Lifecycle): Promise<Sls> {
  checkOptions(options);
  const { dataDirectory } = options;
  const log = options.log ?? silentLog;
  const trueClock = options.clock ?? systemClock;
  const faults = createFaults(trueClock);
  const clock = createSkewedClock(trueClock, faults);

  const lock = await lockDirectory(dataDirectory);
  lifecycle.defer('data directory lock', () => lock.release());
  const identity = await keepIdentity(join(dataDirectory, 'identity'), {
    accessKey: options.accessKeys?.[0],
    certificate: options.tls,
  });

  if (options.rebuildIndex === true) await rm(join(dataDirectory, 'index'), { recursive: true, force: true });
  const storage = createSegmentStorage({ directory: join(dataDirectory, 'log'), log });
  lifecycle.defer('log storage', () => storage.stop());
  const engine = createIndexEngine({
    dataDirectory: join(dataDirectory, 'index'),
    log: log.child({ part: 'index' }),
    ...(options.timeZone === undefined ? {} : { timeZone: options.timeZone }),
    ...(options.memoryLimitMb === undefined ? {} : { memoryLimitMb: options.memoryLimitMb }),
  });
  lifecycle.defer('index engine', () => engine.stop());
  const tables = await openTables({ dataDirectory, clock, storage, engine });
  const { catalog } = tables;
  const visibility = createLateVisibility(clock);
  const view = createView(catalog, storage, visibility);
  indexWhatIsThere(catalog, storage, engine);

  const authenticator = createAuthenticator({
    mode: options.auth ?? 'strict',
    accessKeys: options.accessKeys ?? [identity.accessKey],
    clock,
  });
  const harshness = { faults, visibility, metrics: createMetrics() };
  const parts = { ...options, ...tables, ...harshness, storage, engine, view, authenticator, clock, log };
  const frontEnds = createFrontEnds(parts, identity.certificate);
  lifecycle.defer('front ends', async () => {
    await Promise.all([frontEnds.http.stop(), frontEnds.pg?.stop()]);
  });
  const retention = startRetention({ catalog, storage, engine, clock, log });
  lifecycle.defer('retention', () => retention.stop());
  const { listeners, refused } = await listenEverywhere(options, frontEnds, log);
  return {
    httpPort: listeners[0].http.port,
    pgPort: listeners[0].pg?.port,
    accessKey: identity.accessKey,
    listeners,
    refused,
    certificate: identity.certificate.cert,
    catalog,
    faults,
    snapshot: (directory) =>
      takeSnapshot(directory, { dataDirectory, storage, uids: () => logstoreUids(catalog) }),
    stop: () => lifecycle.stop(),
    [Symbol.asyncDispose]: () => lifecycle.stop(),
  };
}

/** The server's own idea of the time; only the wall clock can be wrong. */
function createSkewedClock(clock: Clock, faults: Faults): Clock {
  return {
    nowMs: () => clock.nowMs() + faults.skewMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  };
}

interface Tables {
  readonly catalog: Catalog;
  readonly consumerGroups: ConsumerGroups;
  readonly resources: ResourceTable;
}

/** What is kept as documents. What hangs on a logstore or project goes with it, also after a crash in between. */
async function openTables(on: {
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly storage: LogStorage;
  readonly engine: IndexEngine;
}): Promise<Tables> {
  const { dataDirectory, clock, storage, engine } = on;
  const documents = (folder: string) => createDocuments(join(dataDirectory, folder));
  const consumerGroups = await openConsumerGroups({ documents: documents('consumer-groups'), clock });
  const resources = await openResourceTable(documents('resources'));
  const catalog = await openCatalog({
    documents: documents('catalog'),
    storage,
    clock,
    onDrop: async (uid, successor) => {
      await consumerGroups.drop(uid);
      await resources.dropLogstore(uid, successor);
      await engine.drop(uid);
    },
    onProjectDrop: (project) => resources.dropProject(project),
  });
  const logstores = logstoreUids(catalog);
  await consumerGroups.dropAllExcept(logstores);
  const projects = new Set(catalog.projects().map((project) => project.projectName));
  await resources.dropAllExcept({ projects, logstores });
  return { catalog, consumerGroups, resources };
}

type View = (project: string, logstore: string) => LogstoreView;

type Parts = Pick<SlsOptions, 'region' | 'baseDomains' | 'defaultProject' | 'timeZone' | 'pg'> & {
  readonly storage: LogStorage;
  readonly engine: IndexEngine;
  readonly view: View;
  readonly authenticator: Authenticator;
  readonly faults: Faults;
  readonly visibility: LateVisibility;
  readonly metrics: Metrics;
} & Tables &
  Required<Pick<SlsOptions, 'clock' | 'log'>>;

/** The protocols, over one way in (ingest) and one way out (the engine). */
function createFrontEnds(parts: Parts, certificate: { cert: string; key: string }) {
  const { catalog, engine, view, authenticator, clock, log } = parts;
  const ingest = createIngest(parts);
  const http = createHttpFrontEnd({
    backend: {
      catalog,
      ingest,
      storage: parts.storage,
      finder: createRecordFinder({
        onDamage: createDamageReporter((damage) =>
          log.error(damage, 'a record has been changed since it was written and is passed over'),
        ),
      }),
      consumerGroups: parts.consumerGroups,
      resources: parts.resources,
      engine: createFaultyEngine(engine, parts.faults),
      view,
      clock,
      region: parts.region ?? 'cn-hangzhou',
    },
    authenticator,
    address: {
      baseDomains: [...defaultBaseDomains, ...(parts.baseDomains ?? [])].map((name) => name.toLowerCase()),
      defaultProject: parts.defaultProject,
    },
    log: log.child({ part: 'http' }),
    faults: parts.faults,
    metrics: parts.metrics,
    admin: createAdmin({ ...parts, unreadyReason: () => (engine.isUp ? undefined : 'the index is down') }),
  });
  addGauges(parts);
  if (parts.pg === false) return { http, pg: undefined };
  const pg = createPgFrontEnd({
    engine,
    catalog: {
      hasProject: (project) => catalog.project(project) !== undefined,
      view: (project, name) =>
        catalog.logstore(project, name) === undefined ? undefined : view(project, name),
      logstores: (project) => catalog.logstores(project).map((logstore) => logstore.logstoreName),
    },
    append: ({ project, logstore, group }) => ingest.put({ project, logstore }, group),
    secretOf: (accessKeyId) => authenticator.secretOf(accessKeyId),
    tls: certificate,
    clock,
    log: log.child({ part: 'pg' }),
    ...(parts.timeZone === undefined ? {} : { timeZone: parts.timeZone }),
  });
  return { http, pg };
}

function createView(catalog: Catalog, storage: LogStorage, visibility: LateVisibility): View {
  return (project, name) => {
    const { uid } = catalog.requireLogstore(project, name);
    return {
      uid,
      project,
      name,
      index: catalog.index(project, name),
      shards: visibility.visible(uid, storage.shards(uid)),
    };
  };
}

function addGauges({ metrics, catalog, storage }: Parts): void {
  const logstores = () => catalog.projects().flatMap(({ projectName }) => catalog.logstores(projectName));
  metrics.gauge('sampan_sls_projects', 'Projects.', () => catalog.projects().length);
  metrics.gauge('sampan_sls_logstores', 'Logstores.', () => logstores().length);
  metrics.gauge('sampan_sls_log_groups', "Log groups held or once held: the sum of all shards' ends.", () =>
    logstores()
      .flatMap(({ uid }) => storage.shards(uid))
      .reduce((sum, shard) => sum + shard.end, 0),
  );
  metrics.gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
}

/** What was acknowledged before the last stop but not indexed is caught up with before anybody asks. */
function indexWhatIsThere(catalog: Catalog, storage: LogStorage, engine: IndexEngine): void {
  for (const { projectName } of catalog.projects()) {
    for (const { uid } of catalog.logstores(projectName)) engine.notify({ uid, shards: storage.shards(uid) });
  }
}

function logstoreUids(catalog: Catalog): Set<string> {
  const logstores = catalog.projects().flatMap(({ projectName }) => catalog.logstores(projectName));
  return new Set(logstores.map((logstore) => logstore.uid));
}

function checkOptions(options: SlsOptions): void {
  if (options.timeZone !== undefined) checkTimeZone(options.timeZone);
  if (options.accessKeys !== undefined && options.accessKeys.length === 0) {
    throw slsEmulatorErrors.create('SLS_OPTION_INVALID', {
      message: 'accessKeys is an empty list: nobody could sign',
      hint: 'leave accessKeys out to have a pair made, or give one',
    });
  }
}

function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch (cause) {
    throw slsEmulatorErrors.create('SLS_OPTION_INVALID', {
      message: `timeZone ${JSON.stringify(timeZone)} is not a time zone`,
      hint: 'use an IANA name such as UTC or Asia/Shanghai',
      cause,
    });
  }
}
