import { defaultConfig, type Edition } from '@sampan/config';
import { describe, expect, it } from 'vitest';
import { promote } from '../index.ts';
import { findingRules } from './rules.ts';

interface Case {
  readonly edition?: Edition;
  readonly env?: string;
  readonly qps?: 10 | 100 | 200 | 500;
  readonly target?: Record<string, unknown>;
}

function codesOf(
  services: string,
  { edition = 'high-availability', env = '', qps = 10, target = {} }: Case = {},
) {
  const { report } = promote({
    composeFiles: [{ path: 'compose.yaml', text: `services:\n${services}` }],
    envFiles: [{ path: '.env', text: env }],
    config: defaultConfig({ targets: { prod: { edition, class: qps, ...target } } }),
    target: 'prod',
  });
  expect(report.errors).toEqual([]);
  return report.findings.map(({ code, severity }) => `${severity} ${code}`);
}

const image = 'langgenius/dify-api:1.13.3';
const api = (variables = '', more = ''): string =>
  `  api:\n    image: ${image}\n    environment: {MODE: api, DB_DATABASE: dify${variables === '' ? '' : `, ${variables}`}}\n${more}`;
const five =
  'ALIYUN_SLS_ACCESS_KEY_ID: LTAI5tXy7kQ2, ALIYUN_SLS_ACCESS_KEY_SECRET: Xy7kQ2mZ8sTn5b, ALIYUN_SLS_ENDPOINT: e, ALIYUN_SLS_REGION: r';

/** Per rule: an input that breaks it, and one that does not. */
type Row = [expected: string, broken: string, fine: string, options?: Case, fineOptions?: Case];

const rows: Row[] = [
  ['warn SLS_SELECTORS', api(`${five}, ALIYUN_SLS_PROJECT_NAME: p`), api(), { target: { sls: false } }],
  ['warn SLS_SELECTORS', api(five), api(), { target: { sls: false } }],
  ['warn PUBLIC_SECRET', api('DB_PASSWORD: difyai123456'), api('DB_PASSWORD: Xy7kQ2mZ8sTn5b')],
  ['warn PLACEHOLDER_SECRET', api('MAIL_API_KEY: your-api-key'), api('MAIL_API_KEY: re_Xy7kQ2mZ8s')],
  [
    'warn OPEN_PORT',
    '  db: {image: "postgres:17", ports: ["5432:5432"]}\n',
    '  db: {image: "postgres:17", ports: ["127.0.0.1:5432:5432"]}\n',
  ],
  [
    'block BEAT_REPLICAS',
    `${api()}  beat: {image: "${image}", environment: {MODE: beat}, deploy: {replicas: 2}}\n`,
    `${api()}  beat: {image: "${image}", environment: {MODE: beat}}\n`,
  ],
  [
    'warn REDIS_CLUSTER_DATABASE',
    api('CELERY_BROKER_URL: "redis://redis:6379/1"', '  redis: {image: "redis:7"}\n'),
    api('CELERY_BROKER_URL: "redis://redis:6379/0"', '  redis: {image: "redis:7"}\n'),
    { target: { redis: { class: 'redis.shard.small.ce' } } },
  ],
  [
    'info SIZE_PAIR',
    '  a: {image: "a:1", deploy: {resources: {limits: {cpus: "3", memory: 3g}}}}\n',
    '  a: {image: "a:1", deploy: {resources: {limits: {cpus: "2", memory: 4g}}}}\n',
  ],
  ['info STREAM_TIMEOUT', api('GUNICORN_TIMEOUT: 360'), api('GUNICORN_TIMEOUT: 120')],
  [
    'warn STREAM_TIMEOUT',
    '  a: {image: "a:1", stop_grace_period: 10m}\n',
    '  a: {image: "a:1", stop_grace_period: 5m}\n',
  ],
  [
    'block PLUGIN_DATABASE',
    `${api()}  p: {image: "langgenius/dify-plugin-daemon:0.5.3-local", environment: {DB_DATABASE: dify}}\n`,
    `${api()}  p: {image: "langgenius/dify-plugin-daemon:0.5.3-local", environment: {DB_DATABASE: other}}\n`,
  ],
  [
    'block CONNECTION_BUDGET',
    api(),
    api(),
    { target: { postgres: { class: 'pg.n2.2c.2m' }, components: { api: { processes: 100 } } } },
    {},
  ],
  ['warn EDITION_LOAD', api(), api(), { qps: 500 }, { qps: 100 }],
  [
    'block IMAGE_SET',
    `${api()}  web: {image: "langgenius/dify-web:1.12.0"}\n`,
    `${api()}  web: {image: "langgenius/dify-web:1.13.3"}\n`,
  ],
  [
    'warn IMAGE_SET',
    `${api()}  s: {image: "langgenius/dify-sandbox:0.2.12"}\n`,
    `${api()}  s: {image: "langgenius/dify-sandbox:0.2.14"}\n`,
  ],
  ['warn IMAGE_NOT_PINNED', '  a: {image: nginx}\n', '  a: {image: "nginx:1.28"}\n'],
  ['block IMAGE_MISSING', '  a: {build: .}\n', '  a: {build: ., image: "r/a:1"}\n'],
  ['block NAME_RULES', `  ${'a'.repeat(40)}: {image: "a:1"}\n`, '  a: {image: "a:1"}\n'],
  ['block NAME_RULES', '  a_b: {image: "a:1"}\n  a-b: {image: "a:1"}\n', '  a_b: {image: "a:1"}\n'],
  [
    'block SECRET_EXPOSED',
    '  a: {image: "a:1", command: [run, --password, Xy7kQ2mZ8sTn5b], environment: {A_PASSWORD: Xy7kQ2mZ8sTn5b}}\n',
    '  a: {image: "a:1", command: [run], environment: {A_PASSWORD: Xy7kQ2mZ8sTn5b}}\n',
  ],
  ['block BLOCKED_KEY', '  a: {image: "a:1", privileged: true}\n', '  a: {image: "a:1", init: true}\n'],
  ['warn UNKNOWN_KEY', '  a: {image: "a:1", portss: []}\n', '  a: {image: "a:1", x-own: 1}\n'],
  [
    'warn UNSET_VARIABLE',
    '  a: {image: "a:1", environment: {A: "${A}"}}\n',
    '  a: {image: "a:1", environment: {A: "${A:-}"}}\n',
  ],
  [
    'block DEAD_REFERENCE',
    api('DB_HOST: db', '  db: {image: "postgres:17", profiles: [p]}\n'),
    api('DB_HOST: db', '  db: {image: "postgres:17", profiles: [p]}\n'),
    {},
    { env: 'COMPOSE_PROFILES=p' },
  ],
  ['info SINGLE_INSTANCE', api(), api(), { edition: 'high-availability' }, { edition: 'test' }],
  ['warn DATA_STORE', '  m: {image: "mysql:8"}\n', '  a: {image: "a:1"}\n'],
  ['block DATABASE_TYPE', api('DB_TYPE: mysql'), api('DB_TYPE: postgresql')],
  ['warn NETWORK_ISOLATION', api(), `${api()}  s: {image: "ubuntu/squid:6"}\n`],
  [
    'info OPEN_CHOICE',
    '  a: {image: "a:1", ports: ["80:80"]}\n',
    '  a: {image: "a:1", ports: ["80:80"]}\n',
    {},
    { target: { zones: ['cn-hangzhou-h', 'cn-hangzhou-k'] } },
  ],
  [
    'warn CORS_OPEN',
    api('CONSOLE_CORS_ALLOW_ORIGINS: "*"'),
    api('CONSOLE_CORS_ALLOW_ORIGINS: "https://a.example"'),
  ],
];

const cases = rows.map(([expected, broken, fine, options, fineOptions]) => ({
  expected,
  broken,
  fine,
  options,
  fineOptions: fineOptions ?? options,
}));

describe('findings', () => {
  it.each(cases)('$expected is found where it applies', ({ expected, broken, options }) => {
    expect(codesOf(broken, options)).toContain(expected);
  });

  it.each(cases)('$expected is not found where it does not', ({ expected, fine, fineOptions }) => {
    expect(codesOf(fine, fineOptions)).not.toContain(expected);
  });

  it('have a case for every rule', () => {
    const tested = new Set(cases.map(({ expected }) => expected.split(' ')[1]));
    // The limits of a template are 512 KB and 200 parameters; the next test reaches them.
    expect(findingRules.map(({ code }) => code).filter((code) => !tested.has(code))).toEqual([
      'TEMPLATE_LIMITS',
    ]);
  });

  it('refuse a template larger than ROS takes', () => {
    const variables = Array.from({ length: 300 }, (_, at) => `A${at}: ${'x'.repeat(2000)}`).join(', ');
    expect(codesOf(`  a: {image: "a:1", environment: {${variables}}}\n`)).toContain('block TEMPLATE_LIMITS');
    const secrets = Array.from({ length: 201 }, (_, at) => `A${at}_PASSWORD: Xy7kQ2mZ8sTn5b${at}`).join(', ');
    expect(codesOf(`  a: {image: "a:1", environment: {${secrets}}}\n`)).toContain('block TEMPLATE_LIMITS');
  });

  it('put what blocks first', () => {
    const severities = codesOf('  a: {build: .}\n  b: {image: nginx, privileged: true}\n').map(
      (text) => text.split(' ')[0],
    );
    expect(severities).toEqual(
      [...severities].sort((a, b) => 'block warn info'.indexOf(a ?? '') - 'block warn info'.indexOf(b ?? '')),
    );
  });
});
