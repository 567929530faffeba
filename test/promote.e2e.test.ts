import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { root, runSampan } from './src/apps.ts';

const data = resolve(process.env['SAMPAN_DATA'] ?? join(root, '../shared/data'));
const difyFolder = join(data, 'dify-1.13.3');
const hasDify = existsSync(join(difyFolder, 'docker-compose.yaml'));
const editions = ['test', 'high-availability', 'high-performance'] as const;

interface Key {
  readonly path: string;
  readonly line: number;
}

/** Lists that are one value: the words of a command. */
const commands = new Set(['command', 'entrypoint', 'test']);

/**
 * Every key and every item of a Compose file with the line it stands on, walked with the YAML library alone. A key
 * that `<<` merges in counts where it is merged, with the line where it is written.
 */
function keysOf(text: string): Key[] {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, merge: false });
  const keys = new Map<string, number>();
  const lineOf = (node: Node): number => counter.linePos(node.range?.[0] ?? 0).line;

  function visitMap(map: YAMLMap, path: readonly string[], taken: ReadonlySet<string>): void {
    const own = new Set([...taken, ...map.items.map(({ key }) => String(key))]);
    for (const { key, value } of map.items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      if (name === '<<') {
        for (const merged of isSeq(value) ? value.items : [value]) {
          const target = isAlias(merged) ? merged.resolve(document) : merged;
          if (isMap(target)) visitMap(target, path, own);
        }
        continue;
      }
      if (taken.has(name)) continue;
      keys.set([...path, name].join('.'), lineOf(key));
      visit(value as Node | null, [...path, name]);
    }
  }

  function visit(node: Node | null, path: readonly string[]): void {
    if (isMap(node)) visitMap(node, path, new Set());
    if (!isSeq(node) || commands.has(path.at(-1) ?? '')) return;
    for (const [number, item] of node.items.entries()) {
      keys.set([...path, String(number)].join('.'), lineOf(item as Node));
      visit(item as Node, [...path, String(number)]);
    }
  }

  visit(document.contents as Node | null, []);
  return [...keys].map(([path, line]) => ({ path, line }));
}

interface Entry {
  readonly path: string;
  readonly line: number;
  readonly status: string;
}

interface Report {
  readonly exitCode: number;
  readonly items: readonly Entry[];
  readonly findings: readonly { severity: string; path?: string; position?: { line: number } }[];
}

/** `a.b[0]` and `a.b.0` are the same place. */
function placeOf(path: string): string {
  return path.replace(/\[(\d+)\]/g, '.$1');
}

async function promote(out: string, more: readonly string[], cwd = root): ReturnType<typeof runSampan> {
  return runSampan(['promote', '--target', 'prod', '--out', out, ...more], { cwd });
}

async function readReport(out: string): Promise<Report> {
  return JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as Report;
}

async function expectFilesIn(
  out: string,
): Promise<{ template: Record<string, unknown>; parameters: unknown }> {
  const template = parseDocument(await readFile(join(out, 'template.ros.yaml'), 'utf8'));
  expect(template.errors).toEqual([]);
  const parameters = JSON.parse(await readFile(join(out, 'parameters.json'), 'utf8')) as unknown;
  return { template: template.toJS() as Record<string, unknown>, parameters };
}

function expectWholeReport(text: string, report: Report): void {
  const keys = keysOf(text);
  expect(keys.length).toBeGreaterThan(20);
  const lines = new Map(report.items.map(({ path, line }) => [placeOf(path), line]));
  const missing = keys.filter(({ path }) => !lines.has(path));
  expect(missing, 'keys of the input that the report does not mention').toEqual([]);
  const misplaced = keys.filter(({ path, line }) => lines.get(path) !== line);
  expect(misplaced, 'keys whose line in the report is not the line of the file').toEqual([]);
  const statuses = new Set(report.items.map(({ status }) => status));
  expect(['mapped', 'approximated', 'dropped', 'blocked']).toEqual(expect.arrayContaining([...statuses]));
}

/** Secrets as they stand in the public files of Dify; none may become a secret of a real environment. */
const publicSecrets =
  /difyai123456|sk-9f73s3ljTXVcMT3Blb3ljTqtsKiGHXVcMT3BlbkFJLK7U|lYkiYYT6owG\+71oLerGzA7GX|QaHbTe77CtuXmsfyhR7\+vRjI|API_KEY: *['"]?dify-sandbox/;

async function expectNoPublicSecret(out: string): Promise<void> {
  for (const name of ['template.ros.yaml', 'parameters.json', 'secrets.json']) {
    expect(publicSecrets.exec(await readFile(join(out, name), 'utf8'))?.[0], name).toBeUndefined();
  }
}

describe('sampan promote with the Compose file of this repository', () => {
  it.each(editions)(
    'writes template, parameters and report for the edition %s, and exits with 0',
    async (edition) => {
      await using folder = await createTemporaryFolder();
      const run = await promote(folder.path, ['--edition', edition]);
      expect(run.code, run.stdout + run.stderr).toBe(0);
      const { template, parameters } = await expectFilesIn(folder.path);
      expect(template['ROSTemplateFormatVersion']).toBe('2015-09-01');
      const resources = Object.values(template['Resources'] as Record<string, { Type: string }>);
      expect(resources.filter(({ Type }) => Type === 'ALIYUN::SAE::Application').length).toBeGreaterThan(2);
      const declared = Object.keys(template['Parameters'] as object);
      // Secrets are kept apart, in a file of their own.
      const given = JSON.stringify(parameters) + (await readFile(join(folder.path, 'secrets.json'), 'utf8'));
      for (const name of declared.filter(
        (each) => !('Default' in ((template['Parameters'] as Record<string, object>)[each] ?? {})),
      )) {
        expect(given, `parameter ${name} has neither a default nor a value`).toContain(`"${name}"`);
      }
      expectWholeReport(
        await readFile(join(root, 'compose/dify.yaml'), 'utf8'),
        await readReport(folder.path),
      );
    },
  );

  it('keeps secrets out of the template, and public ones out of everything', async () => {
    await using folder = await createTemporaryFolder();
    expect((await promote(folder.path, [])).code).toBe(0);
    await expectNoPublicSecret(folder.path);
    const secrets = JSON.parse(await readFile(join(folder.path, 'secrets.json'), 'utf8')) as unknown;
    const values = JSON.stringify(secrets).match(/(?<=:")[^"]{12,}(?=")/g) ?? [];
    expect(values.length).toBeGreaterThan(3);
    const others = await Promise.all(
      ['template.ros.yaml', 'parameters.json', 'report.json'].map((name) =>
        readFile(join(folder.path, name), 'utf8'),
      ),
    );
    for (const [number, value] of values.entries()) {
      expect(
        others.some((text) => text.includes(value)),
        `secret ${number} stands outside of secrets.json`,
      ).toBe(false);
    }
    const { mode } = await stat(join(folder.path, 'secrets.json'));
    expect((mode & 0o777).toString(8)).toBe('600');
  });

  it('writes the same template and keeps the secrets when it runs again', async () => {
    await using folder = await createTemporaryFolder();
    expect((await promote(folder.path, [])).code).toBe(0);
    const first = await expectFilesIn(folder.path);
    expect((await promote(folder.path, [])).code).toBe(0);
    expect(await expectFilesIn(folder.path)).toEqual(first);
  });

  it('prints a plan in words, or the report as JSON', async () => {
    await using folder = await createTemporaryFolder();
    const words = await promote(folder.path, []);
    expect(words.stdout).toMatch(/SAE/);
    const json = await promote(folder.path, ['--json']);
    expect(json.code, json.stderr).toBe(0);
    expect((JSON.parse(json.stdout) as Report).items.length).toBeGreaterThan(20);
  });
});

describe.skipIf(!hasDify)(
  `sampan promote with a user's Dify 1.13 folder (skipped without ${difyFolder})`,
  () => {
    it.each(editions)(
      'exits with 0 for the edition %s and mentions every key of the input',
      async (edition) => {
        await using folder = await createTemporaryFolder();
        const compose = join(difyFolder, 'docker-compose.yaml');
        const environment = join(difyFolder, '.env.example');
        const run = await promote(folder.path, [
          '--compose',
          compose,
          '--env-file',
          environment,
          '--edition',
          edition,
        ]);
        expect(run.code, run.stdout.slice(-3000) + run.stderr).toBe(0);
        await expectFilesIn(folder.path);
        expectWholeReport(await readFile(compose, 'utf8'), await readReport(folder.path));
        await expectNoPublicSecret(folder.path);
      },
    );

    it('does not touch the folder it reads', async () => {
      const before = await readFile(join(difyFolder, 'docker-compose.yaml'), 'utf8');
      await using folder = await createTemporaryFolder();
      await promote(folder.path, ['--compose', join(difyFolder, 'docker-compose.yaml')]);
      expect(await readFile(join(difyFolder, 'docker-compose.yaml'), 'utf8')).toBe(before);
      expect(existsSync(join(difyFolder, '.sampan'))).toBe(false);
    });
  },
);

describe('sampan promote with a Compose file that cannot go to the cloud', () => {
  async function promoteText(
    compose: string,
  ): Promise<
    { code: number | null; text: string; out: string; report: () => Promise<Report> } & AsyncDisposable
  > {
    const folder = await createTemporaryFolder();
    const path = join(folder.path, 'docker-compose.yaml');
    await writeFile(path, compose);
    await mkdir(join(folder.path, 'out'));
    const out = join(folder.path, 'out');
    const run = await promote(out, ['--compose', path]);
    return {
      code: run.code,
      text: run.stdout + run.stderr,
      out,
      report: () => readReport(out),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  }

  it.each([
    ['an image that only exists as a Dockerfile', '    build: .\n', 'build'],
    ['the network of the host', '    image: app:1\n    network_mode: host\n', 'network_mode'],
    ['devices', '    image: app:1\n    devices: ["/dev/kvm:/dev/kvm"]\n', 'devices'],
    ['the process space of the host', '    image: app:1\n    pid: host\n', 'pid'],
  ])('exits with 2 and names the finding with its line: %s', async (_, service, key) => {
    await using run = await promoteText(`services:\n  app:\n${service}`);
    expect(run.code, run.text).toBe(2);
    expect(run.text).toMatch(/docker-compose\.yaml:\d+/);
    const report = await run.report();
    expect(report.exitCode).toBe(2);
    const blocked = report.items.filter(({ status }) => status === 'blocked');
    expect(blocked.map(({ path }) => path)).toContain(`services.app.${key}`);
    for (const { line } of blocked) expect(line).toBeGreaterThan(1);
  });

  it.each([
    ['is not there', undefined],
    ['is no YAML', 'services: [unclosed'],
    ['has no services', 'volumes: {}\n'],
    ['has a service that is no mapping', 'services:\n  app: 5\n'],
    [
      'uses a required variable that nobody sets',
      `services:\n  app:\n    image: "app:\${SAMPAN_TEST_TAG:?set a tag}"\n`,
    ],
  ])('exits with 1 and says what is wrong when the file %s', async (_, text) => {
    await using folder = await createTemporaryFolder();
    const path = join(folder.path, 'docker-compose.yaml');
    if (text !== undefined) await writeFile(path, text);
    const run = await promote(join(folder.path, 'out'), ['--compose', path]);
    expect(run.code, run.stdout + run.stderr).toBe(1);
    expect(run.stderr).toContain('docker-compose.yaml');
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });

  it('exits with 1 for a target that sampan.yaml does not have, and lists those it has', async () => {
    const run = await runSampan(['promote', '--target', 'nowhere'], { cwd: root });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('nowhere');
    expect(run.stderr).toContain('prod');
  });
});
