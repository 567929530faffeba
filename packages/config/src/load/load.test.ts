import { exitCodeOf, SampanError } from '@sampan/base';
import { createRandom } from '@sampan/testkit';
import { expect, test } from 'vitest';
import { renderProblems } from '../diagnostics.ts';
import type { ConfigInput } from '../schema/schema.ts';
import { loadConfig, requireConfig } from './load.ts';

const load = (text: string, environment: Record<string, string> = {}) =>
  loadConfig({ path: 'sampan.yaml', text, environment });

/** `line:column code path` of each problem, in file order. */
function places(text: string, environment: Record<string, string> = {}): string[] {
  return load(text, environment).problems.map(({ position, variable, code, path }) => {
    const place = variable ?? `${position?.line}:${position?.column}`;
    return `${place} ${code} ${path.join('.')}`;
  });
}

const messagesOf = (text: string) => load(text).problems.map(({ message }) => message);

test('a file with five mistakes gives five positioned messages at once', () => {
  const text = `name: Dify Demo
load:
  class: 50
postgres:
  maxConnectoins: 200
  port: "15432"
components:
  worker:
    celeryPool: threads
`;
  expect(renderProblems(load(text).problems, 'sampan.yaml').split('\n')).toEqual([
    'sampan.yaml:1:7 error CONFIG_BAD_FORMAT name is "Dify Demo"; it must be a lower-case letter, then up to 30 letters, digits and -',
    'sampan.yaml:3:10 error CONFIG_VALUE_NOT_ALLOWED load.class is 50; it must be 10, 100, 200 or 500',
    'sampan.yaml:5:3 error CONFIG_UNKNOWN_KEY postgres.maxConnectoins is not an option; did you mean maxConnections?',
    'sampan.yaml:6:9 error CONFIG_WRONG_TYPE postgres.port is "15432"; it must be a whole number from 0 to 65535',
    '  Write the number without quotes.',
    'sampan.yaml:9:17 error CONFIG_VALUE_NOT_ALLOWED components.worker.celeryPool is "threads"; it must be gevent or prefork',
    '',
  ]);
});

test('an empty file, a comment and empty sections are a complete configuration', () => {
  for (const text of ['', '# nothing\n', '{}', 'load:\npostgres:\n  databases:\ntargets:\n  prod:\n']) {
    const { config, problems } = load(text);
    expect(problems).toEqual([]);
    expect(config.postgres).toMatchObject({ port: 15_432, maxConnections: 100 });
    expect(config.sls).toMatchObject({
      httpPort: 15_080,
      pgPort: 15_433,
      address: '127.0.54.32',
      project: 'dify',
    });
  }
});

test('values arrive with every default around them', () => {
  const { config, problems } = load('load: {class: 500, mode: streaming}\ntargets: {prod: {class: 100}}\n');
  expect(problems).toEqual([]);
  expect(config.load).toEqual({ class: 500, mode: 'streaming', runSeconds: 10 });
  expect(config.targets['prod']).toMatchObject({
    edition: 'high-availability',
    class: 100,
    namespace: 'dify',
  });
});

test('one mistake hides no other, whatever section it spoils', () => {
  expect(
    places('components: 5\npgproxy: {port: 15080}\ntargets: {prod: {edition: big, zones: [cn-x]}}\n'),
  ).toEqual([
    '1:13 CONFIG_WRONG_TYPE components',
    '2:17 CONFIG_PORT_CLASH pgproxy.port',
    '3:27 CONFIG_VALUE_NOT_ALLOWED targets.prod.edition',
    '3:40 CONFIG_ZONES targets.prod.zones.0',
  ]);
});

test('a typo is answered with the nearest option, other keys with all that are allowed', () => {
  expect(messagesOf('postgres: {max_connections: 5}')).toEqual([
    'postgres.max_connections is not an option; did you mean maxConnections?',
  ]);
  expect(messagesOf('nmae: x')).toEqual(['nmae is not an option; did you mean name?']);
  expect(messagesOf('load: {threads: 4}')).toEqual([
    'load.threads is not an option; allowed here: class, targetQps, runSeconds, mode',
  ]);
});

test('a key that stands twice is reported at its second place', () => {
  expect(places('name: a\nload:\n  class: 10\nname: b\n')).toEqual(['4:1 CONFIG_DUPLICATE_KEY name']);
  expect(messagesOf('name: a\nname: b\n')).toEqual(['name stands twice; the first is in line 1']);
});

test('a key without a value is reported, because a default was hardly meant', () => {
  expect(places('postgres:\n  port:\n')).toEqual(['2:3 CONFIG_EMPTY_VALUE postgres.port']);
});

test('what stands before a YAML error is still checked, what stands behind it is not', () => {
  expect(places('nmae: x\nload: [1\npostgres:\n  prot: 1\n')).toEqual([
    '1:1 CONFIG_UNKNOWN_KEY nmae',
    '3:1 CONFIG_YAML_SYNTAX ',
  ]);
  expect(places('name: a\n---\nname: b\n')).toEqual(['2:1 CONFIG_YAML_SYNTAX ']);
  expect(places('name: "dify\n')).toEqual(['2:1 CONFIG_YAML_SYNTAX ']);
  expect(places('load: *missing\n')).toEqual(['1:1 CONFIG_YAML_SYNTAX ']);
});

test('a file that is no section says so', () => {
  expect(places('- name: dify\n')).toEqual(['1:1 CONFIG_WRONG_TYPE ']);
  expect(messagesOf('dify')).toEqual([
    'the file is "dify"; it must be a section with options such as name and load',
  ]);
});

test('rules between options name both values', () => {
  const rules: [string, string][] = [
    ['pgproxy: {port: 15432}', 'pgproxy.port is 15432, and so is postgres.port'],
    [
      'pgproxy: {components: {api: {guaranteed: 9, max: 8}}}',
      'pgproxy.components.api.guaranteed is 9, more than its max of 8',
    ],
    ['load: {class: 10, targetQps: 20}', 'load.targetQps is 20 and load.class is 10; only one may be set'],
    [
      'components: {pluginDaemon: {maxOpenConnections: 5, maxIdleConnections: 6}}',
      'components.pluginDaemon.maxIdleConnections is 6, more than maxOpenConnections, 5',
    ],
    [
      'postgres: {maxConnections: 20, reservedConnections: 20}',
      'postgres.reservedConnections is 20, which leaves nothing of maxConnections, 20',
    ],
    [
      'sls: {logstores: {nginx-access: {}}}',
      'sls.logstores.nginx-access has no index, because Dify makes none for this name',
    ],
    [
      'targets: {prod: {class: 500}}',
      'targets.prod asks edition high-availability for 500 runs per second; it is made for at most 200',
    ],
    [
      'targets: {prod: {zones: [cn-hangzhou-h]}}',
      'targets.prod.zones has one zone; edition high-availability needs two different ones',
    ],
    [
      'targets: {prod: {zones: [cn-hangzhou-h, cn-beijing-c]}}',
      'targets.prod.zones[1] is cn-beijing-c, which is not in region cn-hangzhou',
    ],
    [
      'targets: {prod: {network: {vpcId: vpc-bp1abcd}}}',
      'targets.prod.network has vpcId without vSwitchIds; an existing network needs both',
    ],
  ];
  for (const [text, message] of rules) expect(messagesOf(text)).toEqual([message]);
});

test('port 0 means any free one and never clashes', () => {
  expect(load('postgres: {port: 0}\nsls: {httpPort: 0, pgPort: 0}\npgproxy: {port: 0}\n').problems).toEqual(
    [],
  );
});

test('ports of a service that is off clash with nothing', () => {
  expect(load('pgproxy: {port: 15080}\nsls: {enabled: false}\n').problems).toEqual([]);
});

test('a variable sets a single option over the file and is named when its value is wrong', () => {
  const variables = {
    SAMPAN_POSTGRES_MAX_CONNECTIONS: '300',
    SAMPAN_SLS_ADDRESS: 'false',
    SAMPAN_UPDATE_GOLDEN: '1',
  };
  const { config, problems } = load('postgres: {maxConnections: 50, port: 1}', variables);
  expect(problems).toEqual([]);
  expect(config.postgres).toMatchObject({ maxConnections: 300, port: 1 });
  expect(config.sls.address).toBe(false);
  expect(places('', { SAMPAN_LOAD_MODE: 'sync', SAMPAN_SLS_HTTP_PORT: '15432' })).toEqual([
    'SAMPAN_LOAD_MODE CONFIG_VALUE_NOT_ALLOWED load.mode',
    'SAMPAN_SLS_HTTP_PORT CONFIG_PORT_CLASH sls.httpPort',
  ]);
});

test('an alias is a copy: what a variable changes in one place stays in the other', () => {
  const { config } = load('postgres: &ports\n  port: 7001\npgproxy: *ports\n', {
    SAMPAN_POSTGRES_PORT: '7002',
  });
  expect([config.postgres.port, config.pgproxy.port]).toEqual([7002, 7001]);
});

test('later findings get their place, or that of the section around', () => {
  const { place } = load('targets:\n  prod:\n    class: 100\n');
  const finding = { code: 'CONFIG_PLAN_CONNECTIONS', severity: 'error', message: 'too many' } as const;
  expect(place([{ ...finding, path: ['targets', 'prod', 'postgres', 'class'] }])[0]?.position).toEqual({
    line: 2,
    column: 3,
  });
  expect(place([{ ...finding, path: ['postgres', 'maxConnections'] }])[0]?.position).toBeUndefined();
});

test('whoever needs a faultless file gets one error with every problem in it, exit 2', () => {
  const attempt = () => requireConfig({ path: 'a.yaml', text: 'x: 1\ny: 2\n' });
  expect(attempt).toThrow(SampanError);
  try {
    attempt();
  } catch (error) {
    expect(exitCodeOf(error)).toBe(2);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).toContain('a.yaml has 2 problems:\na.yaml:1:1 error CONFIG_UNKNOWN_KEY x is not');
  }
  expect(requireConfig({ path: 'a.yaml', text: 'name: ok\n' }).config.name).toBe('ok');
});

test('hostile files end in a problem, quickly', () => {
  const aliases = [...'bcdefghij'].map((name, index) => {
    const previous = 'abcdefghij'[index];
    return `${name}: &${name} [${Array(10).fill(`*${previous}`).join(',')}]`;
  });
  const files = [
    '['.repeat(50_000),
    `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    `a: ${'{b: '.repeat(20_000)}`,
    `${'- '.repeat(20_000)}x`,
    Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    `a: &a [1,1,1,1,1,1,1,1,1,1]\n${aliases.join('\n')}\n`,
    'load: &a\n  mode: *a\n',
    'x'.repeat(2_000_000),
    Array.from({ length: 5_000 }, (_, index) => `k${index}: 1`).join('\n'),
    'load: {targetQps: .inf, runSeconds: .nan}\n__proto__: {x: 1}\nconstructor: 1\n',
  ];
  for (const text of files) {
    const { problems } = load(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(100);
  }
});

test('no mutilation of a file makes the reader throw', () => {
  const random = createRandom(7);
  const whole =
    'name: dify\nload: {class: 10}\npostgres:\n  port: 1\ntargets:\n  prod: &t\n    zones: [a-b, "c-d"]\n  b: *t\n';
  const pieces = [
    ' ',
    ':',
    '-',
    '[',
    '}',
    '"',
    "'",
    '\n',
    '\t',
    '&a',
    '*t',
    '!',
    '|',
    '>',
    '%',
    '#',
    '0',
    '\0',
    '\u{1f6a2}',
  ];
  for (let round = 0; round < 400; round += 1) {
    const at = random.integer(whole.length + 1);
    const cut = random.integer(5);
    const piece = pieces[random.integer(pieces.length)] ?? '';
    const text = whole.slice(0, at) + piece + whole.slice(at + cut);
    for (const { position } of load(text).problems) {
      expect(position === undefined || (position.line >= 1 && position.column >= 1), text).toBe(true);
    }
  }
});

test('the type of the file is the type of the code', () => {
  const input: ConfigInput = { load: { class: 100 }, targets: { prod: { edition: 'test' } } };
  expect(load(JSON.stringify(input)).problems).toEqual([]);
});
