import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SlsOptions } from './options.ts';
import { type Sls, startSls as start } from './sls.ts';

/**
 * Starts an emulator for a test, on free ports and, unless told otherwise, with a data directory of its own
 * that goes with it. Set `SAMPAN_KEEP=1` to keep the directory.
 */
export async function startSls(options: Partial<SlsOptions> = {}): Promise<Sls> {
  const made = options.dataDirectory === undefined ? await mkdtemp(join(tmpdir(), 'sampan-sls-')) : undefined;
  const sls = await start({ ...options, dataDirectory: options.dataDirectory ?? made ?? '' });
  async function stop(): Promise<void> {
    await sls.stop();
    if (made !== undefined && process.env['SAMPAN_KEEP'] !== '1')
      await rm(made, { recursive: true, force: true });
  }
  return { ...sls, stop, [Symbol.asyncDispose]: stop };
}
