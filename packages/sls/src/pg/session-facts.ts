import type { PgCatalog } from './backend.ts';
import type { Settings } from './settings.ts';

/** What a SELECT can ask about the session it runs in. */
export interface SessionFacts {
  readonly catalog: Pick<PgCatalog, 'logstores' | 'view'>;
  readonly user: string;
  /** The project. */
  readonly database: string;
  readonly processId: number;
  readonly settings: Settings;
  readonly nowMs: () => number;
}
