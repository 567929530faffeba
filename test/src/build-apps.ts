import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Brings the bundles up to date once, before tests that start the apps as processes. */
export function setup(): void {
  const build = fileURLToPath(new URL('../../bin/build.mjs', import.meta.url));
  execFileSync(process.execPath, [build, 'cli', 'sls', 'pgproxy'], { stdio: 'inherit' });
}
