import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of the test's own, removed at the end of its scope. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty folder. Set `SAMPAN_KEEP=1` to keep it for a look at a failure. */
export async function createTemporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'sampan-test-'));
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      if (process.env['SAMPAN_KEEP'] !== '1') await rm(path, { recursive: true, force: true });
    },
  };
}

export interface WaitOptions {
  /** What is waited for; it stands in the message of the time-out. */
  readonly what: string;
  readonly timeoutMs?: number;
}

/** Waits until `probe` returns something other than `undefined` or `false`, and returns it. */
export async function waitUntil<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const seen = await probe();
      if (seen !== undefined && seen !== false) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited ${timeoutMs} ms for ${options.what}; last seen: ${String(last)}`);
}
