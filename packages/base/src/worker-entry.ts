import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the worker thread whose entry file is `name` beside the calling module. From sources that is
 * `name.ts`, run through the caller's tsx; in a bundle it is `name.js` in the bundle's folder.
 *
 * @param from the caller's `import.meta.url`
 */
export function startWorker(from: string, name: string, options: WorkerOptions = {}): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`./${name}.js`, from), options);
  // `--import tsx` in a worker's arguments does not reach the worker's own entry file on Node 20, so a few
  // lines register tsx in the worker and then load the entry.
  const tsx = createRequire(from).resolve('tsx/package.json');
  const register = new URL('./dist/esm/api/index.mjs', pathToFileURL(tsx)).href;
  const entry = new URL(`./${name}.ts`, from).href;
  const code = `import(${JSON.stringify(register)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(entry)}); })`;
  return new Worker(code, { ...options, eval: true });
}
