import { appendFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { root, runSampan } from './src/apps.ts';

const config = join(root, 'sampan.yaml');

async function generateInto(folder: string, more: readonly string[] = []): ReturnType<typeof runSampan> {
  return runSampan(['generate', '--config', config, '--out', folder, ...more], { cwd: root });
}

async function filesBelow(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(folder.length + 1), await readFile(path, 'utf8'));
  }
  return files;
}

describe('sampan generate', () => {
  it('writes the variables of Dify, a Compose override, and the options of proxy and emulator', async () => {
    await using folder = await createTemporaryFolder();
    const run = await generateInto(folder.path);
    expect(run.code, run.stderr).toBe(0);
    const files = await filesBelow(folder.path);
    const names = [...files.keys()];
    const named = (pattern: RegExp): string =>
      files.get(names.find((name) => pattern.test(name)) ?? '') ?? '';
    expect(named(/\.env$/)).toMatch(/^SQLALCHEMY_POOL_SIZE=\d+$/m);
    expect(named(/\.env$/)).toMatch(/^SERVER_WORKER_AMOUNT=\d+$/m);
    expect(named(/\.env$/)).toMatch(/^ALIYUN_SLS_PROJECT_NAME=dify$/m);
    expect(
      Object.keys((parse(named(/\.ya?ml$/), { logLevel: 'error' }) as { services: object }).services),
    ).toEqual(expect.arrayContaining(['api', 'worker']));
    expect(JSON.parse(named(/pgproxy\.json$/))).toMatchObject({
      server: { connections: expect.any(Number) },
      components: expect.arrayContaining([expect.objectContaining({ guaranteed: expect.any(Number) })]),
    });
    expect(JSON.parse(named(/sls\.json$/))).toBeTypeOf('object');
  });

  it('writes the same bytes every time', async () => {
    await using folder = await createTemporaryFolder();
    await generateInto(join(folder.path, 'a'));
    await generateInto(join(folder.path, 'b'));
    expect(await filesBelow(join(folder.path, 'b'))).toEqual(await filesBelow(join(folder.path, 'a')));
  });

  it('--check is silent about equal files, reports drift by name, and never writes', async () => {
    await using folder = await createTemporaryFolder();
    expect((await generateInto(folder.path)).code).toBe(0);
    expect((await generateInto(folder.path, ['--check'])).code).toBe(0);

    const [name = ''] = [...(await filesBelow(folder.path)).keys()].filter((path) => path.endsWith('.env'));
    await appendFile(join(folder.path, name), 'SQLALCHEMY_POOL_SIZE=1\n');
    const before = await filesBelow(folder.path);
    const drifted = await generateInto(folder.path, ['--check']);
    expect(drifted.code).not.toBe(0);
    expect(drifted.code).not.toBe(70);
    expect(drifted.stdout + drifted.stderr).toContain(name);
    expect(await filesBelow(folder.path)).toEqual(before);

    await rm(join(folder.path, name));
    const missing = await generateInto(folder.path, ['--check']);
    expect(missing.code).not.toBe(0);
    expect(missing.stdout + missing.stderr).toContain(name);
    expect((await filesBelow(folder.path)).has(name)).toBe(false);

    expect((await generateInto(folder.path)).code).toBe(0);
    expect((await generateInto(folder.path, ['--check'])).code).toBe(0);
  });
});
