import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from './running-process.ts';

/** A virtual environment with packages, or the reason why there is none on this machine. */
export type PythonEnvironment =
  | { readonly python: string; readonly missing?: undefined }
  | { readonly missing: string };

async function lastLineOf(command: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout, stderr } = await runProcess({ command, timeoutMs: 240_000 });
    if (code === 0) return undefined;
    return `${stdout}\n${stderr}`.trim().split('\n').at(-1) ?? `exit code ${code}`;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

/**
 * Returns a virtual environment with exactly these packages. It is made once below the folder for temporary
 * files and then reused; without Python, venv, pip or a package registry the reason is returned instead.
 */
export async function preparePython(packages: readonly string[]): Promise<PythonEnvironment> {
  const name = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), 'sampan-python', name);
  const python = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'complete'))) return { python };

  // Prepared in place (scripts hold absolute paths) and marked when complete.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const made = await lastLineOf(['python3', '-m', 'venv', folder]);
  if (made !== undefined) return { missing: `python3 -m venv: ${made}` };
  const installed = await lastLineOf([
    python,
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    ...packages,
  ]);
  if (installed !== undefined) return { missing: `pip install ${packages.join(' ')}: ${installed}` };
  await writeFile(join(folder, 'marking'), packages.join('\n'));
  await rename(join(folder, 'marking'), join(folder, 'complete'));
  return { python };
}
