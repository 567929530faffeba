import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SampanError } from '@sampan/base';
import { expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { golden, repositoryFile } from '../golden.ts';
import { loadConfig } from '../load/load.ts';
import { planFor, planOf } from '../plan/planner.ts';
import { renderPlan } from '../plan/render.ts';
import { type ConfigInput, defaultConfig } from '../schema/schema.ts';
import { assertNoDrift, checkDrift } from './drift.ts';
import { generate } from './generate.ts';

const fixture = (path: string) => fileURLToPath(new URL(`./fixtures/${path}`, import.meta.url));

function files(
  input: ConfigInput = {},
  secrets?: Parameters<typeof generate>[0]['secrets'],
): Map<string, string> {
  const config = defaultConfig(input);
  const made = generate({ config, plan: planOf(config), ...(secrets === undefined ? {} : { secrets }) });
  return new Map(made.map(({ path, text }) => [path, text]));
}

function variablesOf(text = ''): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

interface ComposeService {
  environment: Record<string, string>;
  extra_hosts: string[];
  deploy?: unknown;
}
const servicesOf = (text = '') =>
  (parse(text, { logLevel: 'silent' }) as { services: Record<string, ComposeService> }).services;

const secrets = { postgresPassword: "it's $ecret", accessKeyId: 'LTAIexample', accessKeySecret: 'k3y' };

test('the demo generates the committed files', () => {
  const text = readFileSync(repositoryFile('sampan.yaml'), 'utf8');
  const { config } = loadConfig({ path: 'sampan.yaml', text });
  const plan = planOf(config);
  for (const file of generate({ config, plan })) {
    expect(golden(fixture(`demo/${file.path}`), file.text), file.path).toBe(file.text);
  }
  for (const [name, rendered] of [
    ['local', renderPlan(plan)],
    ['prod', renderPlan(planFor({ config, target: 'prod' }))],
  ] as const) {
    expect(golden(fixture(`demo/plan.${name}.txt`), rendered), name).toBe(rendered);
  }
});

test('the same configuration gives the same bytes', () => {
  expect(files()).toEqual(files());
});

test('Dify gets all five SLS variables and all four repository selectors, or none', () => {
  const selectors = /^(CORE|API)_WORKFLOW_.*_REPOSITORY$/;
  const five = ['ACCESS_KEY_ID', 'ACCESS_KEY_SECRET', 'ENDPOINT', 'REGION', 'PROJECT_NAME'];
  const on = variablesOf(files().get('dify.env'));
  for (const name of five) expect(on[`ALIYUN_SLS_${name}`]).not.toBe('');
  expect(Object.keys(on).filter((name) => selectors.test(name))).toHaveLength(4);
  const off = variablesOf(files({ sls: { enabled: false } }).get('dify.env'));
  expect(Object.keys(off).filter((name) => selectors.test(name) || /SLS|LOGSTORE/.test(name))).toEqual([]);
});

test('the endpoint is a bare address with the PostgreSQL mode, or a name with a port without it', () => {
  expect(variablesOf(files().get('dify.env'))).toMatchObject({
    ALIYUN_SLS_ENDPOINT: '127.0.54.32',
    LOGSTORE_PG_MODE_ENABLED: 'true',
  });
  expect(variablesOf(files({ sls: { address: false } }).get('dify.env'))).toMatchObject({
    ALIYUN_SLS_ENDPOINT: 'localhost:15080',
    LOGSTORE_PG_MODE_ENABLED: 'false',
  });
});

test('each component reaches the database through its own port', () => {
  const made = files();
  const ports = ['dify.env', 'dify.worker.env', 'dify.plugin-daemon.env', 'dify.worker-beat.env'].map(
    (path) => variablesOf(made.get(path))['DB_PORT'],
  );
  expect(ports).toEqual(['16433', '16434', '16435', '16436']);
  const compose = servicesOf(made.get('compose.override.yaml'));
  expect(compose['worker']?.environment['DB_PORT']).toBe('16434');
  expect(compose['plugin_daemon']?.environment).toMatchObject({
    DB_PORT: '16435',
    DB_DATABASE: 'dify_plugin',
    DB_MAX_OPEN_CONNS: '30',
  });
});

test('without the proxy everything goes to PostgreSQL and no proxy options are made', () => {
  const made = files({ pgproxy: { enabled: false } });
  expect(variablesOf(made.get('dify.env'))['DB_PORT']).toBe('15432');
  expect(made.has('pgproxy.json')).toBe(false);
});

test('a pool of its own goes into the file of the component', () => {
  const made = files({ components: { worker: { poolSize: 7 } } });
  expect(variablesOf(made.get('dify.env'))['SQLALCHEMY_POOL_SIZE']).toBe('30');
  expect(variablesOf(made.get('dify.worker.env'))['SQLALCHEMY_POOL_SIZE']).toBe('7');
});

test('the proxy gets every share with its port, and Dify may not use more than it guarantees together', () => {
  const options = JSON.parse(files().get('pgproxy.json') ?? '') as {
    server: { connections: number };
    components: { name: string; listenPort: number; guaranteed: number }[];
  };
  expect(options.server.connections).toBe(85);
  expect(options.components.map(({ name, listenPort }) => [name, listenPort])).toEqual([
    ['api', 16_433],
    ['worker', 16_434],
    ['workerBeat', 16_436],
    ['pluginDaemon', 16_435],
  ]);
  expect(options.components.reduce((sum, { guaranteed }) => sum + guaranteed, 0)).toBeLessThanOrEqual(85);
});

test('no secret is written unless it is passed in', () => {
  const text = [...files().values()].join('\n');
  for (const name of [
    'SAMPAN_POSTGRES_PASSWORD',
    'SAMPAN_SLS_ACCESS_KEY_ID',
    'SAMPAN_SLS_ACCESS_KEY_SECRET',
  ]) {
    expect(text).toContain(`\${${name}`);
  }
  expect(text).not.toContain('difyai123456');
  const compose = servicesOf(files().get('compose.override.yaml'));
  expect(compose['api']?.environment['DB_PASSWORD']).toBe(
    '$' + '{SAMPAN_POSTGRES_PASSWORD:?see .sampan/secrets.json}',
  );
});

test('secrets that are passed in survive the quoting of each file', () => {
  const made = files({}, secrets);
  expect(made.get('dify.env')).toContain(`DB_PASSWORD="it's \\$ecret"\n`);
  expect(servicesOf(made.get('compose.override.yaml'))['api']?.environment['DB_PASSWORD']).toBe(
    "it's $$ecret",
  );
  expect(JSON.parse(made.get('pgproxy.json') ?? '')).toMatchObject({ server: { password: "it's $ecret" } });
  expect(JSON.parse(made.get('sls.json') ?? '')).toMatchObject({
    accessKeys: [{ id: 'LTAIexample', secret: 'k3y' }],
  });
});

test('the Compose override is YAML that replaces the profile of the bundled database', () => {
  const document = parseDocument(files({ load: { class: 100 } }).get('compose.override.yaml') ?? '', {
    logLevel: 'silent',
  });
  expect(document.errors).toEqual([]);
  expect(document.getIn(['services', 'db_postgres', 'profiles'], true)).toMatchObject({ tag: '!override' });
  const services = servicesOf(document.toString());
  expect(services['api']?.deploy).toEqual({ replicas: 2 });
  expect(services['worker']?.deploy).toBeUndefined();
});

const difyFolder = `${process.env['SAMPAN_DATA'] ?? repositoryFile('../shared/data')}/dify-1.13.3`;
const difyCompose = `${difyFolder}/docker-compose.yaml`;

test.skipIf(!existsSync(difyCompose))(
  "every service of the override is a service of Dify 1.13 (needs Dify's Compose file in SAMPAN_DATA)",
  () => {
    const { services } = parse(readFileSync(difyCompose, 'utf8'), { merge: true, maxAliasCount: -1 }) as {
      services: Record<string, ComposeService>;
    };
    for (const name of Object.keys(servicesOf(files().get('compose.override.yaml')))) {
      expect(Object.keys(services)).toContain(name);
    }
    const known = Object.keys(services['api']?.environment ?? {});
    for (const name of [
      'SQLALCHEMY_POOL_SIZE',
      'SERVER_WORKER_AMOUNT',
      'CELERY_WORKER_AMOUNT',
      'ALIYUN_SLS_ENDPOINT',
    ]) {
      expect(known).toContain(name);
      expect(variablesOf(files().get('dify.env'))).toHaveProperty(name);
    }
  },
);

test('drift names the file and the first line that differs, never a value', () => {
  const expected = [
    { path: 'a', text: 'one\ntwo\n' },
    { path: 'b', text: 'x\n' },
    { path: 'c', text: 'same\n' },
  ];
  const actual = new Map([
    ['a', 'one\nsecret\n'],
    ['c', 'same\n'],
    ['old.env', ''],
  ]);
  expect(checkDrift(expected, actual)).toEqual([
    { path: 'a', kind: 'changed', line: 2 },
    { path: 'b', kind: 'missing' },
    { path: 'old.env', kind: 'left over' },
  ]);
  expect(() => assertNoDrift(expected, actual)).toThrow(SampanError);
  expect(() => assertNoDrift(expected, actual)).toThrow(
    'generated files do not follow from sampan.yaml: a changed from line 2 on; b missing; old.env left over',
  );
  assertNoDrift(expected, new Map(expected.map(({ path, text }) => [path, text])));
});
