import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderProblems } from '../diagnostics.ts';
import { golden, repositoryFile } from '../golden.ts';
import { loadConfig } from '../load/load.ts';
import { planOf } from '../plan/planner.ts';
import { renderPlan } from '../plan/render.ts';
import { renderJsonSchema } from './json-schema.ts';
import { renderOptionTable } from './option-table.ts';

const manual = repositoryFile('docs/configuration.md');

/** The manual with the part between two marker comments replaced. */
function withSection(text: string, name: string, content: string): string {
  const [begin, end] = [
    `<!-- begin ${name}`,
    `<!-- end ${name.split(':')[0] === 'options' ? 'options' : name} -->`,
  ];
  const from = text.indexOf('\n', text.indexOf(begin)) + 1;
  const to = text.indexOf(end);
  expect(from > 0 && to >= from, `docs/configuration.md has the markers of ${name}`).toBe(true);
  return `${text.slice(0, from)}\n${content.trimEnd()}\n\n${text.slice(to)}`;
}

const fence = (text: string) => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;

const mistakes = `name: dify
load:
  class: 50
postgres:
  maxConnectoins: 200
  port: "15432"
pgproxy:
  port: 15080
`;

test('the schema for editors is the one made from the code', () => {
  expect(golden(repositoryFile('sampan.schema.json'), renderJsonSchema())).toBe(renderJsonSchema());
});

test("the manual's options and examples are the ones made from the code", () => {
  const example = repositoryFile('sampan.yaml');
  const demo = loadConfig({ path: 'sampan.yaml', text: readFileSync(example, 'utf8') });
  const broken = loadConfig({ path: 'sampan.yaml', text: mistakes });
  let text = readFileSync(manual, 'utf8');
  text = withSection(text, 'example: problems', fence(renderProblems(broken.problems, 'sampan.yaml')));
  text = withSection(text, 'example: plan', fence(renderPlan(planOf(demo.config))));
  text = withSection(text, 'options', renderOptionTable());
  expect(golden(manual, text)).toBe(text);
});

test('the demo at the root has no problems, points editors to the schema and holds every invariant', () => {
  const text = readFileSync(repositoryFile('sampan.yaml'), 'utf8');
  const { config, problems } = loadConfig({ path: 'sampan.yaml', text });
  expect(problems).toEqual([]);
  expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./sampan.schema.json');
  expect(planOf(config).problems).toEqual([]);
});
