import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../../src/running-process.ts';
import type { SuiteName } from './case-result.ts';

const folders: Readonly<Record<SuiteName, string>> = {
  cli: 'aliyun-log-cli',
  go: 'aliyun-log-go-sdk',
  python: 'aliyun-log-python-sdk',
  node: 'aliyun-log-nodejs-sdk',
};

/** A checkout of a vendor's repository, or the reason why its suite does not run. */
export type Checkout =
  | { readonly folder: string; readonly commit: string; readonly missing?: undefined }
  | { readonly missing: string };

/** Says when the environment leaves a suite out. */
export function isDeselected(suite: SuiteName): string | undefined {
  const selected = process.env['SAMPAN_VENDOR_SUITES'];
  const isIn = selected === undefined || selected === '' || selected.split(',').includes(suite);
  return isIn ? undefined : `SAMPAN_VENDOR_SUITES is ${selected}`;
}

/** Looks for the checkout in the folder of checkouts that the environment names. */
export async function checkoutOf(suite: SuiteName): Promise<Checkout> {
  const parent = process.env['SAMPAN_VENDOR_DIR'];
  if (parent === undefined || parent === '') {
    return { missing: 'SAMPAN_VENDOR_DIR names no folder of checkouts' };
  }
  const folder = join(parent, folders[suite]);
  if (!existsSync(folder)) return { missing: `there is no checkout ${folder}` };
  return { folder, commit: await commitOf(folder) };
}

/** The commit that a working copy stands at. */
export async function commitOf(folder: string): Promise<string> {
  const head = await runProcess({ command: ['git', '-C', folder, 'rev-parse', 'HEAD'] });
  return head.code === 0 ? head.stdout.trim() : 'unknown';
}

/** The variables of the test without proxies, so that a suite meets only the emulator. */
export function environmentWithoutProxies(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(https?|all|no)_proxy$/i.test(name)),
  );
}
