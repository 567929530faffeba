import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { devstackErrors } from './errors.ts';

/** Files that other programs load, so they must exist as files beside any bundle. */
export interface PreloadFiles {
  /** The Node preload, for `--require`. */
  readonly nodeFile: string;
  /** Folder that holds `sitecustomize.py`. */
  readonly pythonFolder: string;
}

/** Finds the preload files from the sources as well as from a bundle in apps/: both lie below the workspace's root. */
export function findPreloadFiles(from: string = import.meta.url): PreloadFiles {
  let folder = dirname(fileURLToPath(from));
  while (!existsSync(join(folder, 'pnpm-workspace.yaml'))) {
    const above = dirname(folder);
    if (above === folder) {
      throw devstackErrors.create('DEVSTACK_PRELOAD_MISSING', {
        message: `no pnpm-workspace.yaml in any folder above ${fileURLToPath(from)}`,
        hint: 'run sampan from its checkout',
      });
    }
    folder = above;
  }
  const preload = join(folder, 'packages/devstack/preload');
  return {
    nodeFile: join(preload, 'resolve-names.cjs'),
    pythonFolder: join(preload, 'python'),
  };
}
