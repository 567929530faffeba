import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the worker thread whose entry file is `name` beside the calling module. From sources that is
 * `name.ts`, run through tsx; in a bundle it is `name.js` in the bundle's folder.
 *
 * @param from the caller's `import.meta.url`
 */
export function startWorker(from: string, name: string, options: WorkerOptions = {}): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`./${name}.js`, from), options);
  return new Worker(new URL(`./${name}.ts`, from), { ...options, execArgv: ['--import', 'tsx'] });
}
