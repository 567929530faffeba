import type { Clock } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import type { Catalog } from '../catalog/catalog.ts';
import type { ConsumerGroups } from '../consumer/consumer-groups.ts';
import type { IndexEngine, LogstoreView } from '../index-engine/index-engine.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { ResourceTable } from '../resources/resource-table.ts';
import type { RecordFinder } from '../storage/record-finder.ts';
import type { LogStorage } from '../storage/store.ts';
import type { Reply } from './reply.ts';
import type { SlsRequest } from './request.ts';

/** What the operations work with. */
export interface Backend {
  readonly catalog: Catalog;
  readonly ingest: Ingest;
  readonly storage: Pick<LogStorage, 'settled'>;
  readonly finder: RecordFinder;
  readonly consumerGroups: ConsumerGroups;
  /** What is only stored and given back. */
  readonly resources: ResourceTable;
  readonly engine: Pick<IndexEngine, 'search' | 'sql' | 'histogram'>;
  /** A logstore as of now. Throws `ProjectNotExist` or `LogStoreNotExist`. */
  readonly view: (project: string, logstore: string) => LogstoreView;
  readonly clock: Clock;
  readonly region: string;
}

/** One API action. */
export interface Operation {
  /** The vendor's name of the action. */
  readonly name: string;
  run(call: Call): Promise<Reply> | Reply;
}

/** An authenticated request on its way to an operation. */
export interface Call {
  readonly backend: Backend;
  readonly request: SlsRequest;
  /** Decoded parts of the path, by the names in the route. */
  readonly path: Readonly<Record<string, string | undefined>>;
}

/** The project of the call, which must exist. */
export function projectOf(call: Call): string {
  const name = call.request.project ?? '';
  return call.backend.catalog.requireProject(name).projectName;
}

/** Project and logstore of the call; the logstore is looked up by whoever needs it. */
export function logstoreOf(call: Call): { project: string; logstore: string } {
  return { project: projectOf(call), logstore: call.path['logstore'] ?? '' };
}

/** The error of an action that this emulator does not have; it names what was asked. */
export function notEmulated(request: Pick<SlsRequest, 'method' | 'path' | 'query'>): Error {
  const type = request.query.find(([name]) => name === 'type' || name === 'action');
  const detail = type === undefined ? '' : `?${type[0]}=${type[1]}`;
  return slsErrors.notEmulated(`${request.method} ${request.path}${detail}`);
}
