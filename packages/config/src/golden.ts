import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file at the repository's root. For tests. */
export function repositoryFile(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

/**
 * The committed text that `text` must equal. For tests only: with `SAMPAN_UPDATE_GOLDEN=1` the file is written
 * first, and the difference is reviewed in the commit.
 */
export function golden(path: string, text: string): string {
  if (process.env['SAMPAN_UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
