import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { assertNoDrift, generate, hasErrors, planOf, renderProblems } from '@sampan/config';
import { readConfiguration } from '../configuration.ts';

/** Writes what follows from the configuration, or compares it with what is there. */
export async function generateFiles(options: {
  readonly check?: boolean;
  readonly out: string;
  readonly config?: string;
}): Promise<number> {
  const { config, path, place } = await readConfiguration(options.config);
  const plan = planOf(config);
  const problems = place(plan.problems);
  if (problems.length > 0) process.stderr.write(renderProblems(problems, path));
  if (hasErrors(problems)) return 2;
  const files = generate({ config, plan });
  if (options.check === true) {
    assertNoDrift(files, await readFilesBelow(options.out));
    return 0;
  }
  for (const file of files) {
    const target = join(options.out, file.path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file.text);
    process.stdout.write(`wrote ${target}\n`);
  }
  return 0;
}

async function readFilesBelow(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path), await readFile(path, 'utf8'));
  }
  return files;
}
