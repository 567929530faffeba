import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** An app of this repository in a process of its own, as its users run it. */
export interface AppProcess extends AsyncDisposable {
  readonly pid: number;
  /** The line with which it said that it is ready. */
  readonly ready: Readonly<Record<string, unknown>>;
}

/** Starts `bin/NAME.mjs` and waits at most `readyTimeoutMs` for its ready line. */
export async function startApp(
  name: 'sls' | 'pgproxy',
  words: readonly string[],
  readyTimeoutMs = 60_000,
): Promise<AppProcess> {
  const child = spawn(process.execPath, [`${root}/bin/${name}.mjs`, ...words, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-8000);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const insist = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(insist);
  };
  let timer: NodeJS.Timeout | undefined;
  try {
    const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (!line.startsWith('{')) return;
        const event = JSON.parse(line) as Record<string, unknown>;
        if (event['event'] === 'ready') resolve(event);
      });
      const fail = (why: string): void => reject(new Error(`${name} ${why}\n${errors}`));
      timer = setTimeout(() => fail(`was not ready after ${readyTimeoutMs} ms`), readyTimeoutMs);
      child.once('error', (error) => fail(`did not start: ${error.message}`));
      void ended.then(() => fail('ended before it was ready'));
    });
    return { pid: child.pid ?? 0, ready, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
