import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, defaultConfig, type Edition, type LoadClass } from '@sampan/config';
import { createRandom } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { promote } from './index.ts';
import { weaknessOf } from './mapping/secret-values.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const data = process.env['SAMPAN_DATA'] ?? join(root, '../shared/data');
const difyFolder = join(data, 'dify-1.13.3');
const corpusFolder = join(data, 'compose-corpus');
const why = `(needs the folder ${data}, named by SAMPAN_DATA)`;

const own = join(root, 'compose/dify.yaml');

function configFor(edition: Edition, qps: LoadClass): Config {
  return defaultConfig({
    targets: { prod: { edition, class: qps, zones: ['cn-hangzhou-h', 'cn-hangzhou-k'] } },
  });
}

interface Run {
  readonly compose: string;
  readonly env?: string;
  readonly edition?: Edition;
  readonly qps?: LoadClass;
  readonly secrets?: Record<string, string>;
  readonly seed?: number;
}

function run({ compose, env, edition = 'high-availability', qps = 100, secrets, seed = 1 }: Run) {
  const random = createRandom(seed);
  const read = (path: string) => ({ path: path.split('/').at(-1) ?? path, text: readFileSync(path, 'utf8') });
  const folder = dirname(compose);
  return promote({
    composeFiles: [read(compose)],
    envFiles: env === undefined ? [] : [read(env)],
    config: configFor(edition, qps),
    target: 'prod',
    readFile: (path) =>
      existsSync(join(folder, path)) ? readFileSync(join(folder, path), 'utf8') : undefined,
    random: (bytes) => random.bytes(bytes),
    ...(secrets === undefined ? {} : { secrets }),
  });
}

const userDify = (more: Partial<Run> = {}): Run => ({
  compose: join(difyFolder, 'docker-compose.yaml'),
  env: join(difyFolder, '.env.example'),
  ...more,
});

/** Every path of a YAML file, found by the library's own merge handling, independently of our reader. */
function* pathsOf(value: unknown, path = ''): Generator<string> {
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) {
      yield `${path}[${at}]`;
      yield* pathsOf(item, `${path}[${at}]`);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const next = path === '' ? key : `${path}.${key}`;
      yield next;
      yield* pathsOf(item, next);
    }
  }
}

/** The words of a command are one value. */
const isWord = (path: string): boolean => /\.(command|entrypoint|test)\[\d+\]$/.test(path);

function expectFullCoverage(compose: string, items: readonly { path: string }[]): void {
  const covered = new Set(items.map(({ path }) => path));
  const paths = [...pathsOf(parse(readFileSync(compose, 'utf8'), { merge: true, logLevel: 'silent' }))];
  expect(paths.length).toBeGreaterThan(0);
  expect(paths.filter((path) => !isWord(path) && !covered.has(path))).toEqual([]);
  expect(items.length).toBe(covered.size);
}

interface Template {
  Parameters: Record<string, { NoEcho?: boolean }>;
  Resources: Record<string, { Type: string; DependsOn?: string[]; Properties: Record<string, unknown> }>;
}

const templateOf = (text: string | undefined): Template => parse(text ?? '') as Template;

describe.each(['test', 'high-availability', 'high-performance'] as const)(
  'our Dify in the edition %s',
  (edition) => {
    const result = run({ compose: own, edition, qps: edition === 'test' ? 10 : 100 });

    it('is promoted without an env file and without anything that blocks', () => {
      expect(result.report.errors).toEqual([]);
      expect(result.report.findings.filter(({ severity }) => severity === 'block')).toEqual([]);
      expect(result.exitCode).toBe(0);
    });

    it('has a report item for every key of the Compose file', () => {
      expectFullCoverage(own, result.report.items);
    });

    it('names only parameters and resources that exist', () => {
      const template = templateOf(result.template);
      const known = new Set([...Object.keys(template.Parameters), ...Object.keys(template.Resources)]);
      const text = result.template ?? '';
      const refs = [...text.matchAll(/^\s*(?:- )?Ref: (.+)$/gm)].map((match) => match[1] ?? '');
      const attributes = [...text.matchAll(/Fn::GetAtt:\n\s*- (\w+)/g)].map((match) => match[1] ?? '');
      expect(refs.length).toBeGreaterThan(20);
      expect(refs.filter((name) => !known.has(name) && !name.startsWith('ALIYUN::'))).toEqual([]);
      expect(attributes.filter((name) => template.Resources[name] === undefined)).toEqual([]);
      const after = Object.values(template.Resources).flatMap((resource) => resource.DependsOn ?? []);
      expect(after.filter((name) => template.Resources[name] === undefined)).toEqual([]);
    });

    it('is the template under golden/', () => {
      const golden = join(root, `packages/promote/src/golden/dify-${edition}.ros.yaml`);
      if (process.env['SAMPAN_UPDATE_GOLDEN'] === '1') writeFileSync(golden, result.template ?? '');
      expect(result.template).toBe(readFileSync(golden, 'utf8'));
    });
  },
);

describe('secrets', () => {
  const first = run({ compose: own });

  it('stand in secrets.json only', () => {
    const values = Object.entries(first.secrets).flatMap(([name, value]) =>
      name === 'EnvironmentId' ? [] : [value],
    );
    expect(values.length).toBeGreaterThanOrEqual(6);
    const rest = `${first.template}${first.parameters}${JSON.stringify(first.report)}`;
    expect(values.filter((value) => rest.includes(value))).toEqual([]);
  });

  it('are NoEcho parameters, each one', () => {
    const { Parameters } = templateOf(first.template);
    for (const { name } of first.report.secrets) expect(Parameters[name]?.NoEcho).toBe(true);
  });

  it('are letters and digits of all three classes, 8 to 32 where RDS and Redis set the rules', () => {
    for (const name of ['DatabasePassword', 'RedisPassword']) {
      expect(first.secrets[name]).toMatch(/^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9]{8,32}$/);
    }
    for (const value of Object.values(first.secrets)) expect(value).toMatch(/^[A-Za-z0-9]+$/);
  });

  it('stay the same in the next promotion, and so does the template', () => {
    const again = run({ compose: own, secrets: { ...first.secrets }, seed: 99 });
    expect(again.secrets).toEqual(first.secrets);
    expect(again.template).toBe(first.template);
    expect(again.parameters).toBe(first.parameters);
    expect(again.report.secrets.every(({ origin }) => origin === 'stored')).toBe(true);
  });

  it('differ between environments', () => {
    expect(run({ compose: own, seed: 2 }).secrets['SecretKey']).not.toBe(first.secrets['SecretKey']);
  });

  it('of the input are kept when they are strong', () => {
    const value = 'Vh4kQ2mZ8sTn5bRw7cXy';
    const result = promote({
      composeFiles: [{ path: 'dify.yaml', text: readFileSync(own, 'utf8') }],
      envFiles: [{ path: '.env', text: `DB_PASSWORD=${value}\nREDIS_PASSWORD=has-a-hyphen-1A\n` }],
      config: configFor('high-availability', 100),
      target: 'prod',
    });
    expect(result.secrets['DatabasePassword']).toBe(value);
    // Redis takes letters and digits only.
    expect(result.secrets['RedisPassword']).not.toBe('has-a-hyphen-1A');
    expect(result.template).not.toContain(value);
    expect(JSON.stringify(result.report)).not.toContain(value);
  });
});

describe('sizes', () => {
  // Published sizes of the four load classes: help.aliyun.com/zh/sae/dify-performance-optimization, 2025-12-24.
  const classes = [
    [
      10,
      'high-availability',
      'dify-api 1000/2048×1 dify-plugin-daemon 1000/2048×1 dify-nginx 1000/2048×1',
      'pg.n4.2c.2m',
    ],
    [
      100,
      'high-availability',
      'dify-api 8000/8192×2 dify-plugin-daemon 2000/4096×4 dify-nginx 1000/2048×1',
      'pg.n4.2c.2m',
    ],
    [
      200,
      'high-availability',
      'dify-api 12000/12288×5 dify-plugin-daemon 2000/4096×10 dify-nginx 1000/2048×2',
      'pg.x4.8xlarge.2c',
    ],
    [
      500,
      'high-performance',
      'dify-api 12000/12288×8 dify-plugin-daemon 2000/4096×16 dify-nginx 1000/2048×2',
      'pg.x8.2xlarge.2c',
    ],
  ] as const;

  it.each(classes)('for %s runs per second are the published ones', (qps, edition, sizes, databaseClass) => {
    const { report, parameters } = run({ compose: own, qps, edition });
    const shown = report.applications.map(
      ({ name, cpu, memory, replicas }) => `${name} ${cpu}/${memory}×${replicas}`,
    );
    for (const size of sizes.split(/ (?=dify)/)) expect(shown).toContain(size);
    expect(parameters).toContain(`"ParameterValue": "${databaseClass}"`);
    expect(report.findings.filter(({ code }) => code === 'CONNECTION_BUDGET')).toEqual([]);
    expect(report.connections?.atFullScale).toBeLessThanOrEqual(
      0.9 * (report.connections?.serverMaximum ?? 0),
    );
  });

  it('keep the scheduler alone, and scale what serves', () => {
    const { Resources } = templateOf(run({ compose: own, qps: 500, edition: 'high-performance' }).template);
    expect(Resources['ScalingWorkerBeat']).toBeUndefined();
    expect(Resources['ScalingApi']?.Properties['ScalingRuleMetric']).toMatchObject({ MinReplicas: 8 });
    expect(Resources['AppWorkerBeat']?.Properties['Replicas']).toBe(1);
  });
});

describe.skipIf(!existsSync(difyFolder))(
  `a user's Dify 1.13.3 folder ${existsSync(difyFolder) ? '' : why}`,
  () => {
    it.each(['test', 'high-availability', 'high-performance'] as const)(
      'is promoted in the edition %s',
      (edition) => {
        const result = run(userDify({ edition, qps: 10 }));
        expect(result.report.errors).toEqual([]);
        expect(result.report.findings.filter(({ severity }) => severity === 'block')).toEqual([]);
        expect(result.exitCode).toBe(0);
        expectFullCoverage(join(difyFolder, 'docker-compose.yaml'), result.report.items);
      },
    );

    it('gets secrets of its own in place of the public ones, and says so', () => {
      const result = run(userDify());
      const env = readFileSync(join(difyFolder, '.env.example'), 'utf8');
      const publicValues = [...env.matchAll(/^[A-Z_]*(?:PASSWORD|SECRET|KEY)[A-Z_]*=(\S{8,})$/gm)].flatMap(
        (match) =>
          match[1] !== undefined && weaknessOf(match[1])?.startsWith('it is the public') ? [match[1]] : [],
      );
      expect(publicValues.length).toBeGreaterThanOrEqual(5);
      // The sandbox's public key is the name of its image, too.
      const inTemplate = publicValues.filter(
        (value) => value !== 'dify-sandbox' && result.template?.includes(value),
      );
      expect(inTemplate).toEqual([]);
      const { Resources } = templateOf(result.template);
      expect(Resources['SecretSandbox']?.Properties['SecretData']).toEqual({
        API_KEY: { Ref: 'SandboxApiKey' },
      });
      const replaced = result.report.findings.filter(({ code }) => code === 'PUBLIC_SECRET');
      expect(replaced.map(({ message }) => /parameter (\w+)/.exec(message)?.[1]).sort()).toEqual([
        'DatabasePassword',
        'PluginDaemonKey',
        'PluginInnerApiKey',
        'RedisPassword',
        'SandboxApiKey',
        'SecretKey',
      ]);
      expect(replaced.every(({ position }) => (position?.line ?? 0) > 1)).toBe(true);
    });

    it('reaches the managed stores of the target under the names of the input', () => {
      const { Resources } = templateOf(run(userDify()).template);
      const dataOf = (service: string): Record<string, unknown> => {
        const envs = JSON.stringify(Resources[`App${service}`]?.Properties['Envs']);
        const ids = [...envs.matchAll(/"(\w+)":\{"Fn::GetAtt":\["\1"/g)].map((match) => match[1] ?? '');
        const maps = ids.map((id) => Resources[id]?.Properties ?? {});
        return Object.assign({}, ...maps.map((map) => map['Data'] ?? map['SecretData']));
      };
      for (const service of ['Api', 'Worker', 'WorkerBeat']) {
        const data = dataOf(service);
        expect(data['DB_HOST']).toEqual({ 'Fn::GetAtt': ['Database', 'InnerConnectionString'] });
        expect(data['CELERY_BROKER_URL']).toEqual({
          'Fn::Sub': [
            'redis://:${RedisPassword}@${RedisHost}:6379/1',
            {
              RedisPassword: { Ref: 'RedisPassword' },
              RedisHost: { 'Fn::GetAtt': ['Redis', 'ConnectionDomain'] },
            },
          ],
        });
        expect(data['PLUGIN_DAEMON_URL']).toBe('http://dify-plugin-daemon:5002');
        expect(data['CODE_EXECUTION_ENDPOINT']).toBe('http://dify-sandbox:8194');
        expect(data['VECTOR_STORE']).toBe('tablestore');
        expect(data['API_WORKFLOW_RUN_REPOSITORY']).toMatch(/^extensions\.logstore\./);
      }
      expect(dataOf('PluginDaemon')).toMatchObject({
        DB_DATABASE: 'dify_plugin',
        SERVER_KEY: { Ref: 'PluginDaemonKey' },
        DIFY_INNER_API_URL: 'http://dify-api:5001',
      });
      expect(Resources['DatabaseDifyPlugin']?.Properties['DBName']).toBe('dify_plugin');
    });

    it('keeps within the limits of ROS with room to spare', () => {
      const result = run(userDify({ edition: 'test', qps: 10 }));
      expect(Buffer.byteLength(result.template ?? '')).toBeLessThan(524_288 / 2);
      expect(Object.keys(templateOf(result.template).Parameters).length).toBeLessThan(100);
    });
  },
);

describe.skipIf(!existsSync(corpusFolder))(
  `Compose files of other applications ${existsSync(corpusFolder) ? '' : why}`,
  () => {
    const files = existsSync(corpusFolder) ? readdirSync(corpusFolder) : [];

    it.each(files)('%s gets a full report', (file) => {
      for (const edition of ['high-availability', 'test'] as const) {
        const result = run({ compose: join(corpusFolder, file), edition, qps: 10 });
        expect(result.report.errors).toEqual([]);
        expect(result.report.findings.filter(({ code }) => code === 'SECRET_EXPOSED')).toEqual([]);
        expectFullCoverage(join(corpusFolder, file), result.report.items);
      }
    });

    it.each([
      ['wireguard_compose.yaml', ['cap_add', 'sysctls', 'ports[0]', 'volumes[2]']],
      ['plex_compose.yaml', ['network_mode']],
      ['traefik-golang_compose.yaml', ['volumes[0]']],
    ])('%s is blocked where SAE cannot follow', (file, keys) => {
      const result = run({ compose: join(corpusFolder, file), qps: 10 });
      expect(result.exitCode).toBe(2);
      const blocked = result.report.findings
        .filter(({ code }) => code === 'BLOCKED_KEY')
        .map(({ path }) => path ?? '');
      for (const key of keys) expect(blocked.some((path) => path.endsWith(`.${key}`))).toBe(true);
    });
  },
);

describe('bad input', () => {
  const plan = (text: string) =>
    promote({
      composeFiles: [{ path: 'compose.yaml', text }],
      envFiles: [],
      config: configFor('high-availability', 10),
      target: 'prod',
    });

  it.each([
    '',
    'a: [',
    'services: 5',
    '- x',
    `a: ${'['.repeat(50_000)}`,
    'services: {a: {image: x, profiles: [p]}}',
  ])('number %# gives exit code 1, an error with a code, and no template', (text) => {
    const result = plan(text);
    expect(result.exitCode).toBe(1);
    expect(result.template).toBeUndefined();
    expect(result.report.errors[0]?.code).toMatch(/^PROMOTE_/);
  });

  it('never makes the promotion fail, whatever is cut out of the file', () => {
    const text = readFileSync(own, 'utf8');
    const random = createRandom(7);
    for (let round = 0; round < 25; round++) {
      const from = random.integer(text.length);
      const result = plan(text.slice(0, from) + text.slice(from + random.integer(400)));
      expect([0, 1, 2]).toContain(result.exitCode);
    }
  });

  it('names a misspelt key and the right one', () => {
    const { report } = plan('services: {a: {image: "a:1", enviroment: {X: 1}}}');
    expect(report.findings.find(({ code }) => code === 'UNKNOWN_KEY')?.hint).toBe(
      'Did you mean environment?',
    );
  });
});
