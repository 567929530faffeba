import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from './running-process.ts';

/** A compiled Go program, or the reason why there is none on this machine. */
export type GoProgram =
  | { readonly program: string; readonly missing?: undefined }
  | { readonly missing: string };

/**
 * Compiles the Go module in a folder. It is built once below the folder for temporary files and then reused;
 * without Go or a module proxy the reason is returned instead.
 */
export async function prepareGo(folder: string): Promise<GoProgram> {
  const hash = createHash('sha256');
  for (const file of (await readdir(folder)).sort()) hash.update(await readFile(join(folder, file)));
  const built = join(tmpdir(), 'sampan-go', hash.digest('hex').slice(0, 12));
  const program = join(built, 'program');
  if (existsSync(program)) return { program };

  await rm(built, { recursive: true, force: true });
  await mkdir(built, { recursive: true });
  await cp(folder, built, { recursive: true });
  const command = ['go', 'build', '-C', built, '-mod=mod', '-o', 'unfinished', '.'];
  try {
    const { code, stdout, stderr } = await runProcess({ command, timeoutMs: 240_000 });
    const reason = `${stdout}\n${stderr}`.trim().split('\n').at(-1);
    if (code !== 0) return { missing: `go build: ${reason ?? `exit code ${code}`}` };
  } catch (error) {
    return { missing: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) };
  }
  await rename(join(built, 'unfinished'), program);
  return { program };
}
