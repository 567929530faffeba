import type { IndexEngine, LogsResult, LogstoreView, TableResult } from '../index-engine/index-engine.ts';
import type { Faults } from './faults.ts';

type Reads = Pick<IndexEngine, 'search' | 'sql' | 'histogram'>;

/** An engine whose answers say `Incomplete` while a fault wants that. */
export function createFaultyEngine(engine: Reads, faults: Pick<Faults, 'isActive' | 'isIncomplete'>): Reads {
  const isIncomplete = (operation: string, { project, name }: LogstoreView): boolean =>
    faults.isActive && faults.isIncomplete({ operation, project, logstore: name });

  return {
    async search(request) {
      const result = await engine.search(request);
      return isIncomplete('GetLogs', request.logstore) ? incomplete(result) : result;
    },
    async sql(request) {
      const result = await engine.sql(request);
      return isIncomplete('GetProjectLogs', request.logstore) ? incomplete(result) : result;
    },
    async histogram(request) {
      const slots = await engine.histogram(request);
      if (!isIncomplete('GetHistograms', request.logstore)) return slots;
      return slots.map((slot) => ({ ...slot, progress: 'Incomplete' }));
    },
  };
}

function incomplete<Result extends LogsResult | TableResult>(result: Result): Result {
  return { ...result, meta: { ...result.meta, progress: 'Incomplete', isAccurate: false } };
}
