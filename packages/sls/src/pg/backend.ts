import type { LogGroup } from '@sampan/sls-wire';
import type { IndexEngine, LogstoreView } from '../index-engine/index-engine.ts';

/** What the front end asks about projects and logstores; answered from memory. */
export interface PgCatalog {
  hasProject(project: string): boolean;
  /** The logstore as it is now, or `undefined` when there is none of that name. */
  view(project: string, logstore: string): LogstoreView | undefined;
  /** Names of the project's logstores. */
  logstores(project: string): readonly string[];
}

/** Stores a log group; resolves when it is durable. Failures are `SlsError`. */
export type AppendLogs = (target: { project: string; logstore: string; group: LogGroup }) => Promise<void>;

/** Everything behind the protocol. */
export interface PgBackend {
  readonly engine: Pick<IndexEngine, 'sql'>;
  readonly catalog: PgCatalog;
  readonly append: AppendLogs;
}
