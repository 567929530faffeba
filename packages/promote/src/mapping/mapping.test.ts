import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../compose/model.ts';
import { serviceKeys } from './keys.ts';
import { mapProbe } from './probes.ts';
import { type Destinations, rewriteAddresses } from './rewrite.ts';
import { imageName, imageTag } from './roles.ts';
import { isSecretVariable, weaknessOf } from './secret-values.ts';
import { createSharedSecrets } from './shared-secrets.ts';
import { createVault, generateSecret } from './vault.ts';

const redis = { slot: 'RedisPassword', description: '', kind: 'password' } as const;
const database = { slot: 'DatabasePassword', description: '', kind: 'password' } as const;
const destinations: Destinations = new Map([
  ['api', { kind: 'application', host: 'dify-api' }],
  ['plugin_daemon', { kind: 'application', host: 'dify-plugin-daemon' }],
  ['redis', { kind: 'redis', password: redis }],
  ['db', { kind: 'rds', password: database }],
  ['mysql', { kind: 'application', host: 'dify-mysql' }],
  ['weaviate', { kind: 'gone', reason: 'Tablestore replaces it' }],
]);

function rewrite(variable: string, value: string): string {
  const { parts, isSecret, gone } = rewriteAddresses(variable, value, {
    destinations,
    secretFor: () => 'Own',
  });
  const text = parts.map((part) => (typeof part === 'string' ? part : `<${part.name}>`)).join('');
  return `${text}${isSecret ? ' secret' : ''}${gone.length > 0 ? ` gone ${gone.join()}` : ''}`;
}

describe('addresses of services', () => {
  it.each([
    ['URL', 'http://api:5001/x', 'http://dify-api:5001/x'],
    ['URL', 'http://plugin_daemon:5002', 'http://dify-plugin-daemon:5002'],
    ['URL', 'http://api.example.com/api', 'http://api.example.com/api'],
    ['URL', 'https://apis:1', 'https://apis:1'],
    ['REDIS_HOST', 'redis', '<RedisHost>'],
    ['CELERY_BACKEND', 'redis', 'redis'],
    ['BROKER_URL', 'redis://:pw@redis:6379/1', 'redis://:<RedisPassword>@<RedisHost>:6379/1 secret'],
    ['BROKER_URL', 'redis://:@redis:6379/1', 'redis://:<RedisPassword>@<RedisHost>:6379/1 secret'],
    [
      'DATABASE_URL',
      'postgresql://u:p@db:5432/x',
      'postgresql://<DatabaseUser>:<DatabasePassword>@<DatabaseHost>:5432/x secret',
    ],
    ['DATABASE_URL', 'mysql://root:pw@mysql/x', 'mysql://root:<Own>@dify-mysql/x secret'],
    ['HOSTS', 'api:1,plugin_daemon:2', 'dify-api:1,dify-plugin-daemon:2'],
    ['TEXT', 'call api: it works', 'call api: it works'],
    ['WEAVIATE_ENDPOINT', 'http://weaviate:8080', 'http://weaviate:8080 gone weaviate'],
  ])('%s=%s becomes %s', (variable, value, expected) => {
    expect(rewrite(variable, value)).toBe(expected);
  });
});

const check = (command: string[], isShell = false): HealthCheck => ({
  command,
  isShell,
  intervalSeconds: 10,
  timeoutSeconds: 2,
  retries: 3,
  startPeriodSeconds: 5,
  path: 'h',
  position: { file: 'f', line: 1, column: 1 },
});

describe('a health check', () => {
  it.each([
    [['curl', '-f', 'http://localhost:5001/health'], false, { path: '/health', port: 5001, scheme: 'HTTP' }],
    [['curl', '-fsS', 'https://127.0.0.1/x'], false, { path: '/x', port: 443, scheme: 'HTTPS' }],
    [['sh', '-c', 'wget -q http://localhost:80 || exit 1'], true, { path: '/', port: 80, scheme: 'HTTP' }],
  ] as const)('%j is an httpGet probe', (command, isShell, httpGet) => {
    const mapped = mapProbe(check([...command], isShell), { ports: [], secrets: [] });
    expect(mapped?.probe).toEqual({
      httpGet,
      initialDelaySeconds: 5,
      periodSeconds: 10,
      timeoutSeconds: 2,
      failureThreshold: 3,
    });
  });

  it.each([
    [['pg_isready'], false],
    [['sh', '-c', 'curl -f http://localhost/ | grep ok'], true],
    [['curl', '-f', 'http://other:80/'], false],
  ] as const)('%j stays a command', (command, isShell) => {
    const mapped = mapProbe(check([...command], isShell), { ports: [], secrets: [] });
    expect(mapped?.probe.exec).toEqual({ command });
  });

  it('with a password becomes a look at the port', () => {
    const command = ['sh', '-c', 'redis-cli -a hunter22 ping'];
    const mapped = mapProbe(check(command, true), { ports: [6379], secrets: ['hunter22'] });
    expect(mapped?.probe.tcpSocket).toEqual({ port: 6379 });
    expect(JSON.stringify(mapped)).not.toContain('hunter22');
  });

  it('that is switched off is no probe', () => {
    expect(mapProbe(check([]), { ports: [80], secrets: [] })).toBeUndefined();
  });
});

describe('secrets', () => {
  it.each([
    'DB_PASSWORD',
    'SECRET_KEY',
    'API_KEY',
    'ALIYUN_OSS_SECRET_KEY',
    'TENCENT_COS_SECRET_ID',
    'MYSQL_ROOT_PASSWORD',
    'PGADMIN_PW',
    'SENTRY_DSN',
  ])('%s is one by its name', (name) => expect(isSecretVariable(name, 'Xy7kQ2mZ8s')).toBe(true));

  it.each([
    ['ACCESS_TOKEN_EXPIRE_MINUTES', '60'],
    ['INDEXING_MAX_SEGMENTATION_TOKENS_LENGTH', '4000'],
    ['AUTHENTICATION_APIKEY_ENABLED', 'true'],
    ['WEAVIATE_TOKENIZATION', 'word'],
    ['DB_PASSWORD', ''],
    ['MYSQL_ROOT_PASSWORD_FILE', '/run/secrets/db'],
    ['NGINX_SSL_CERT_KEY_FILENAME', 'dify.key'],
    ['RESET_PASSWORD_TOKEN_EXPIRY_MINUTES', '5'],
  ])('%s=%s is none', (name, value) => expect(isSecretVariable(name, value)).toBe(false));

  it.each(['password', 'your-api-key', 'x', 'postgres', 'dify-sandbox'])('%s protects nothing', (value) => {
    expect(weaknessOf(value)).toBeDefined();
  });

  it("of one's own making protect something", () => {
    expect(weaknessOf('Xy7kQ2mZ8sTn5b')).toBeUndefined();
  });

  it('use every character, and all three classes', () => {
    let byte = 0;
    const random = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => byte++ % 256);
    expect(generateSecret(48, random)).toMatch(/^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9]{48}$/);
  });

  it('are refused from a source that is not random', () => {
    expect(() => generateSecret(24, (count) => new Uint8Array(count))).toThrow(/random/);
  });

  it('given by the user win over stored ones, and those over new ones', () => {
    const vault = createVault({ stored: { A: 'stored', B: 'stored', Old: 'kept' } });
    vault.claim({ name: 'A', description: '', kind: 'key', given: 'given' });
    vault.claim({ name: 'B', description: '', kind: 'key' });
    vault.claim({ name: 'C', description: '', kind: 'key' });
    expect(vault.slots.map(({ name, origin }) => `${name} ${origin}`)).toEqual([
      'A given',
      'B stored',
      'C generated',
    ]);
    expect(vault.values()).toMatchObject({ A: 'given', B: 'stored', Old: 'kept' });
  });
});

describe('secrets without a name of their own', () => {
  it('are the same where their values are, and never take the name of a resource or of another parameter', () => {
    const shared = createSharedSecrets([], new Map());
    expect(shared.secretFor('DATABASE_PASSWORD', 'one').slot).toBe('EnvDatabasePassword');
    expect(shared.secretFor('OTHER', 'one').slot).toBe('EnvDatabasePassword');
    expect(shared.secretFor('DATABASE_PASSWORD', 'two').slot).toBe('EnvDatabasePassword2');
  });
});

describe('an image', () => {
  it.each([
    ['postgres', 'postgres', undefined],
    ['langgenius/dify-api:1.13.3', 'dify-api', '1.13.3'],
    ['localhost:5000/a/b', 'b', undefined],
    ['docker.io/library/nginx:1.28@sha256:abc', 'nginx', '1.28'],
  ])('%s is %s with the tag %s', (image, name, tag) => {
    expect([imageName(image), imageTag(image)]).toEqual([name, tag]);
  });
});

it('the table rules on the service keys of the Compose specification', () => {
  // compose-spec schema, "service" definition.
  const spec =
    'annotations attach build blkio_config cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count cpu_percent cpu_shares cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir';
  expect(spec.split(' ').filter((key) => !serviceKeys.includes(key))).toEqual([]);
});
