import { smoke } from './smoke.ts';

/** A measurement that `pnpm bench NAME` runs. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  run(): Promise<void>;
}

/** Every bench, one file each. */
export const registry: readonly Bench[] = [smoke];
