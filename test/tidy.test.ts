import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ErrorTable } from '@sampan/base';
import { describe, expect, it } from 'vitest';
import {
  importCycles,
  readSource,
  resolveRelative,
  root,
  type SourceFile,
  trackedFiles,
} from './src/source-tree.ts';

/** A package may import packages of a lower layer only. `sls` and `pgproxy` stand beside each other, never import one another. */
const layers: Readonly<Record<string, number>> = {
  'packages/base': 0,
  'packages/pg-wire': 1,
  'packages/postgres': 1,
  'packages/sls-wire': 1,
  'packages/testkit': 1,
  'packages/config': 2,
  'packages/sls': 2,
  'packages/pgproxy': 2,
  'packages/devstack': 3,
  'packages/promote': 3,
  'apps/cli': 4,
  'apps/sls': 4,
  'apps/pgproxy': 4,
  bench: 5,
  examples: 5,
  test: 5,
};

/** Files allowed to exceed 600 lines, each with the reason. */
const longFiles: Readonly<Record<string, string>> = {};

const fileLinesMax = 600;
const functionLinesMax = 70;
const readmeLinesMax = 150;

const tracked = trackedFiles();
const sources = tracked.filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts')).map(readSource);
const isTest = (path: string): boolean =>
  path.endsWith('.test.ts') || path.endsWith('/testing.ts') || /^(test|bench)\//.test(path);

function packageOf(path: string): string {
  return Object.keys(layers).find((name) => path.startsWith(`${name}/`)) ?? path;
}

/** `@sampan/sls` → `packages/sls`. */
function packageOfSpecifier(specifier: string): string | undefined {
  const name = /^@sampan\/([^/]+)/.exec(specifier)?.[1];
  return name === undefined ? undefined : `packages/${name}`;
}

function breaches(check: (file: SourceFile) => Iterable<string>, files = sources): string[] {
  return files.flatMap((file) => [...check(file)].map((problem) => `${file.path}: ${problem}`));
}

describe('layers', () => {
  it('lists every package of the workspace', () => {
    const manifests = tracked.filter((path) => path !== 'package.json' && path.endsWith('package.json'));
    expect(manifests.map((path) => path.replace('/package.json', '')).sort()).toEqual(
      Object.keys(layers).sort(),
    );
  });

  it('are imported downward only', () => {
    const wrong = breaches(function* (file) {
      for (const { specifier, line } of file.imports) {
        const target = packageOfSpecifier(specifier);
        const own = packageOf(file.path);
        if (target === undefined || target === own) continue;
        const isKit = target === 'packages/testkit' && isTest(file.path);
        if (!isKit && (layers[target] ?? 99) >= (layers[own] ?? -1))
          yield `line ${line} imports ${specifier}`;
      }
    });
    expect(wrong).toEqual([]);
  });

  it('keep the test kit out of what is shipped', () => {
    const wrong = breaches(function* (file) {
      if (isTest(file.path) || file.path.startsWith('packages/testkit/')) return;
      for (const { specifier, line } of file.imports) {
        if (specifier.startsWith('@sampan/testkit')) yield `line ${line} imports the test kit`;
        if (/\.test\.ts$|\/testing\.ts$/.test(specifier)) yield `line ${line} imports ${specifier}`;
      }
    });
    expect(wrong).toEqual([]);
  });

  it('have one door per package', () => {
    const wrong = breaches(function* (file) {
      for (const { specifier, line } of file.imports) {
        if (/^@sampan\/[^/]+\/(?!testing$)/.test(specifier)) yield `line ${line} reaches into ${specifier}`;
        const target = resolveRelative(file.path, specifier);
        if (target !== undefined && packageOf(target) !== packageOf(file.path)) {
          yield `line ${line} reaches out to ${specifier}`;
        }
      }
    });
    expect(wrong).toEqual([]);
  });

  it('declare what they import', () => {
    const wrong = breaches(
      function* (file) {
        const manifest: unknown = JSON.parse(
          readFileSync(join(root, packageOf(file.path), 'package.json'), 'utf8'),
        );
        const declared = JSON.stringify(manifest);
        for (const { specifier, line } of file.imports) {
          if (/^(\.|node:)/.test(specifier)) continue;
          const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
          const isSelf = declared.includes(`"name":"${name}"`);
          const isRootTool = isTest(file.path) && ['vitest', 'vite'].includes(name);
          if (!isSelf && !isRootTool && !declared.includes(`"${name}":`))
            yield `line ${line} imports undeclared ${name}`;
        }
      },
      sources.filter((file) => file.path.includes('/')),
    );
    expect(wrong).toEqual([]);
  });

  it('contain no import cycle', () => {
    expect(importCycles(sources)).toEqual([]);
  });
});

describe('size', () => {
  it(`of a file stays within ${fileLinesMax} lines`, () => {
    expect(
      breaches(function* (file) {
        if (file.lines > fileLinesMax && longFiles[file.path] === undefined) yield `${file.lines} lines`;
      }),
    ).toEqual([]);
  });

  it('exceptions are still needed', () => {
    const long = sources.filter((file) => file.lines > fileLinesMax).map((file) => file.path);
    expect(Object.keys(longFiles).filter((path) => !long.includes(path))).toEqual([]);
  });

  it(`of a function stays within ${functionLinesMax} lines`, () => {
    const wrong = breaches(function* (file) {
      if (isTest(file.path)) return;
      for (const span of file.functions) {
        if (span.lines > functionLinesMax) yield `line ${span.line}: ${span.name} has ${span.lines} lines`;
      }
    });
    expect(wrong).toEqual([]);
  });

  it(`of README.md stays within ${readmeLinesMax} lines`, () => {
    expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(
      readmeLinesMax,
    );
  });
});

describe('names', () => {
  it('say what a file is about', () => {
    const banned = /(^|[/.-])(utils?|helpers?|common|misc|manager)([/.-]|$)/;
    expect(tracked.filter((path) => banned.test(path))).toEqual([]);
  });

  it('of files and folders are kebab-case', () => {
    expect(sources.map((file) => file.path).filter((path) => /[A-Z_ ]/.test(path))).toEqual([]);
  });

  it('of exports are named, never default', () => {
    const wrong = breaches(function* (file) {
      if (/^export default/m.test(file.text) && file.path !== 'vitest.config.ts')
        yield 'has a default export';
    });
    expect(wrong).toEqual([]);
  });
});

describe('text', () => {
  const prose = tracked.filter(
    (path) => /\.(ts|tsx|mjs|js|py|md|ya?ml|json|sh)$|(^|\/)run$/.test(path) && path !== 'pnpm-lock.yaml',
  );

  it('leaves no unfinished business without an issue number', () => {
    const words = new RegExp(
      `\\b(${['TO', 'FIX', 'XX'].map((w, i) => w + ['DO', 'ME', 'X'][i]).join('|')})\\b(?!\\(#\\d+\\))`,
    );
    expect(
      prose.filter((path) => !path.endsWith('.md') && words.test(readFileSync(join(root, path), 'utf8'))),
    ).toEqual([]);
  });

  it('names no folder outside the checkout except the test data', () => {
    const wrong = prose.filter((path) => {
      const lines = readFileSync(join(root, path), 'utf8').split('\n');
      return lines.some(
        (line) =>
          /(^|[^\w.])\/(work|root|home)\//.test(line) ||
          (line.includes('../shared') && !line.includes('SAMPAN_DATA')),
      );
    });
    expect(wrong.filter((path) => path !== 'test/tidy.test.ts')).toEqual([]);
  });

  it('in comments gives a reason for every lint exception', () => {
    const wrong = breaches(
      function* (file) {
        for (const match of file.text.matchAll(/(biome-ignore|@ts-ignore|@ts-expect-error|v8 ignore)(.*)/g)) {
          if (!/:\s*\S{3,}|\s--\s\S{3,}/.test(match[2] ?? ''))
            yield `${match[0].slice(0, 60)} gives no reason`;
        }
      },
      sources.filter((file) => file.path !== 'test/tidy.test.ts'),
    );
    expect(wrong).toEqual([]);
  });
});

describe('error tables', () => {
  const exits = { user: '2', environment: '3', bug: '70' } as const;

  async function declared(): Promise<Map<string, string>> {
    const codes = new Map<string, string>();
    for (const file of sources.filter((source) => /^packages\/[^/]+\/src\/errors\.ts$/.test(source.path))) {
      if (file.path === 'packages/base/src/errors.ts') continue;
      const module: Record<string, unknown> = await import(pathToFileURL(join(root, file.path)).href);
      for (const table of Object.values(module)) {
        if (typeof table !== 'object' || table === null || !('specs' in table)) continue;
        for (const [code, spec] of Object.entries((table as ErrorTable<string>).specs)) {
          codes.set(`${packageOf(file.path)} ${code}`, exits[spec.family]);
        }
      }
    }
    return codes;
  }

  function documented(): Map<string, string> {
    const codes = new Map<string, string>();
    let section = '';
    for (const line of readFileSync(join(root, 'docs/errors.md'), 'utf8').split('\n')) {
      section = /^## (.+)$/.exec(line)?.[1] ?? section;
      const row = /^\| `([A-Z0-9_]+)` \| (\d+) \|/.exec(line);
      if (row?.[1] !== undefined && row[2] !== undefined) codes.set(`${section} ${row[1]}`, row[2]);
    }
    return codes;
  }

  it('equal docs/errors.md, code by code and exit by exit', async () => {
    const byCode = (codes: Map<string, string>): string[] =>
      [...codes].map(([code, exit]) => `${code} ${exit}`).sort();
    expect(byCode(documented())).toEqual(byCode(await declared()));
  });

  it('have codes that begin with their package', async () => {
    const wrong = [...(await declared()).keys()].filter((key) => {
      const [folder = '', code = ''] = key.split(' ');
      return !code.startsWith(
        `${folder
          .replace(/^\w+\//, '')
          .replace('-', '_')
          .toUpperCase()}_`,
      );
    });
    expect(wrong).toEqual([]);
  });
});
