import { pgproxy } from './pgproxy.ts';
import { slsIngest } from './sls-ingest.ts';
import { smoke } from './smoke.ts';

/** A measurement that `pnpm bench NAME` runs. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** `words` are what follows the name on the command line. */
  run(words: readonly string[]): Promise<void>;
}

/** Every bench, one file each. */
export const registry: readonly Bench[] = [pgproxy, slsIngest, smoke];
