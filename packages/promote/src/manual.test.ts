import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findingRules } from './findings/rules.ts';
import { keyRules } from './mapping/keys.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const manual = join(root, 'docs/promote.md');

const cell = (text: string): string => text.replaceAll('|', '\\|');

function keyTable(): string[] {
  return [
    '| Compose key | class | target | what happens | what to do |',
    '|---|---|---|---|---|',
    ...keyRules
      .map((rule) =>
        [`\`${rule.key}\``, rule.class, rule.target ?? '–', rule.reason, rule.advice ?? '–']
          .map(cell)
          .join(' | '),
      )
      .map((row) => `| ${row} |`),
  ];
}

function findingTable(): string[] {
  return [
    '| code | severity | meaning |',
    '|---|---|---|',
    ...findingRules.map(({ code, severity, title }) => `| \`${code}\` | ${severity} | ${title} |`),
  ];
}

/** The part of the manual between `<!-- name -->` and `<!-- end -->`. */
function part(text: string, name: string): { before: string; lines: string[]; after: string } {
  const start = `<!-- ${name}: printed from the code, SAMPAN_UPDATE_GOLDEN=1 rewrites it -->\n`;
  const from = text.indexOf(start);
  expect(from, `the part ${name} is missing`).toBeGreaterThanOrEqual(0);
  const to = text.indexOf('<!-- end -->', from);
  const lines = text
    .slice(from + start.length, to)
    .trimEnd()
    .split('\n');
  return { before: text.slice(0, from + start.length), lines, after: text.slice(to) };
}

describe('docs/promote.md', () => {
  it.each([
    ['keys', keyTable()],
    ['findings', findingTable()],
  ])('lists the %s of the code', (name, lines) => {
    const text = readFileSync(manual, 'utf8');
    const { before, lines: found, after } = part(text, name);
    if (process.env['SAMPAN_UPDATE_GOLDEN'] === '1') {
      writeFileSync(manual, `${before}${lines.join('\n')}\n${after}`);
      return;
    }
    expect(found).toEqual(lines);
  });
});

describe('compose/images.Dockerfile', () => {
  it('names every image of compose/dify.yaml, each with a version', () => {
    const compose = readFileSync(join(root, 'compose/dify.yaml'), 'utf8');
    const dockerfile = readFileSync(join(root, 'compose/images.Dockerfile'), 'utf8');
    const used = new Set([...compose.matchAll(/^\s+image: (\S+)$/gm)].map((match) => match[1] ?? ''));
    const listed = new Set([...dockerfile.matchAll(/^FROM (\S+) AS \S+$/gm)].map((match) => match[1] ?? ''));
    expect([...used].filter((image) => !listed.has(image))).toEqual([]);
    expect([...listed].filter((image) => !/:\S*\d/.test(image))).toEqual([]);
  });

  it('serves a Compose file whose secrets have no default', () => {
    const compose = readFileSync(join(root, 'compose/dify.yaml'), 'utf8');
    const withDefault = [
      ...compose.matchAll(/\$\{(\w*(?:PASSWORD|SECRET_KEY|API_KEY|DAEMON_KEY)\w*):?-[^}]+\}/g),
    ];
    expect(withDefault.map((match) => match[1])).toEqual([]);
    const asked = new Set([...compose.matchAll(/\$\{(\w+):\?/g)].map((match) => match[1] ?? ''));
    const example = readFileSync(join(root, 'compose/dify.env.example'), 'utf8');
    expect([...asked].filter((name) => !new RegExp(`^${name}=`, 'm').test(example))).toEqual([]);
  });
});
