import { describe, expect, it } from 'vitest';
import { readCompose } from './read.ts';

const read = (text: string, more: Partial<Parameters<typeof readCompose>[0]> = {}) =>
  readCompose({ composeFiles: [{ path: 'compose.yaml', text }], envFiles: [], ...more });

describe('a Compose project', () => {
  it('enables services by the profiles of the env file', () => {
    const text =
      'services:\n  a: {image: a}\n  b: {image: b, profiles: [x]}\n  c: {image: c, profiles: [y]}\n';
    const enabled = (env: string): string[] =>
      read(text, { envFiles: [{ path: '.env', text: env }] })
        .services.filter((service) => service.isEnabled)
        .map(({ name }) => name);
    expect(enabled('')).toEqual(['a']);
    expect(enabled('V=x\nCOMPOSE_PROFILES=${V:-y}')).toEqual(['a', 'b']);
    expect(enabled('COMPOSE_PROFILES=x, y')).toEqual(['a', 'b', 'c']);
    expect(enabled('COMPOSE_PROFILES=*')).toEqual(['a', 'b', 'c']);
  });

  it('merges the environment of list and mapping form, the later env file first overridden by environment', () => {
    const text =
      'services:\n  a:\n    image: a\n    env_file: [one.env, {path: two.env}, {path: none.env, required: false}]\n    environment: ["B=own", "C"]\n';
    const files: Record<string, string> = { 'one.env': 'A=1\nB=1', 'two.env': 'A=2' };
    const project = read(text, { readFile: (path) => files[path] });
    expect(project.problems).toEqual([]);
    expect(project.services[0]?.environment.map(({ name, value }) => [name, value])).toEqual([
      ['A', '2'],
      ['B', 'own'],
      ['C', null],
    ]);
  });

  it('reports a missing env_file, include and extends, each with its own code and place', () => {
    const text =
      'include: [other.yaml]\nservices:\n  a:\n    image: a\n    env_file: gone.env\n    extends: {service: b}\n';
    expect(read(text).problems.map(({ code, position }) => [code, position?.line])).toEqual([
      ['PROMOTE_ENV_FILE', 5],
      ['PROMOTE_INCLUDE', 1],
      ['PROMOTE_EXTENDS', 6],
    ]);
  });

  it('reports a required variable, unless the promotion makes it', () => {
    const text = 'services:\n  a: {image: "a:${TAG:?name a tag}", environment: {K: "${MY_SECRET:?x}"}}\n';
    const project = read(text, { secretFor: (name) => (name === 'MY_SECRET' ? 'made' : undefined) });
    expect(project.problems).toMatchObject([{ code: 'PROMOTE_VARIABLE_REQUIRED', position: { line: 2 } }]);
    expect(project.problems[0]?.message).toContain('name a tag');
    expect(project.services[0]?.environment[0]?.value).toBe('made');
    expect(project.generated).toEqual(['MY_SECRET']);
  });

  it('lays a second file over the first by the merge rules', () => {
    const base =
      'services:\n  a:\n    image: a:1\n    command: [x]\n    ports: ["80:80"]\n    environment: {A: 1, B: 1}\n    volumes: ["v:/data"]\n    tty: true\n';
    const over =
      'services:\n  a:\n    image: a:2\n    command: [y, z]\n    ports: ["81:81"]\n    environment: ["B=2"]\n    volumes: ["./w:/data"]\n    tty: false\n  b: {image: b}\n';
    const project = readCompose({
      composeFiles: [
        { path: 'one.yaml', text: base },
        { path: 'two.yaml', text: over },
      ],
      envFiles: [],
    });
    const [a] = project.services;
    expect(project.services.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(a?.image).toBe('a:2');
    expect(a?.command).toEqual(['y', 'z']);
    expect(a?.ports.map(({ target }) => target)).toEqual([80, 81]);
    expect(a?.environment.map(({ name, value }) => `${name}=${value}`)).toEqual(['A=1', 'B=2']);
    expect(a?.volumes.map(({ source }) => source)).toEqual(['./w']);
  });

  it.each([
    ['nothing', ''],
    ['a list', '- a'],
    ['services as a list', 'services: [a]'],
    ['a service as a text', 'services: {a: text}'],
    ['an environment as a number', 'services: {a: {image: a, environment: 5}}'],
    ['a variable as a mapping', 'services: {a: {image: a, environment: {X: {y: 1}}}}'],
    ['ports as words', 'services: {a: {image: a, ports: [http]}}'],
  ])('reports %s instead of failing', (_, text) => {
    expect(read(text).problems.length).toBeGreaterThan(0);
  });

  it.each([
    'services: {a: {}}',
    'services: {a: {healthcheck: {test: NONE}, depends_on: 5, deploy: x, ports: y}}',
  ])('reads %s without failing', (text) => {
    expect(read(text).services).toHaveLength(1);
  });
});
