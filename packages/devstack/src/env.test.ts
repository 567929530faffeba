import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, test } from 'vitest';
import { environmentOf, formatEnvironment } from './env.ts';
import { sampleAddresses } from './sample-addresses.ts';

describe('environmentOf', () => {
  test("gives the api its own port of the proxy and the plan's coordinated values", () => {
    expect(environmentOf(sampleAddresses())).toMatchObject({
      DB_TYPE: 'postgresql',
      DB_HOST: '127.0.0.1',
      DB_PORT: '16433',
      DB_USERNAME: 'postgres',
      DB_PASSWORD: 'pw',
      DB_DATABASE: 'dify',
      SQLALCHEMY_POOL_SIZE: expect.stringMatching(/^\d+$/),
      SERVER_WORKER_AMOUNT: expect.stringMatching(/^\d+$/),
    });
  });

  test('gives the plugin daemon its own port and database, and nothing of SLS', () => {
    const environment = environmentOf(sampleAddresses(), 'pluginDaemon');
    expect(environment).toMatchObject({
      DB_PORT: '16435',
      DB_DATABASE: 'dify_plugin',
      DB_MAX_OPEN_CONNS: expect.stringMatching(/^\d+$/),
    });
    expect(Object.keys(environment).filter((name) => /SLS|LOGSTORE|REPOSITORY/.test(name))).toEqual([]);
  });

  test('sets all five SLS variables and the four repositories, without which Dify keeps using PostgreSQL', () => {
    const environment = environmentOf(sampleAddresses({ dedicated: { host: '127.0.54.32', hasPg: true } }));
    expect(environment).toMatchObject({
      ALIYUN_SLS_ACCESS_KEY_ID: 'LTAI5tTest',
      ALIYUN_SLS_ACCESS_KEY_SECRET: 'testSecret',
      ALIYUN_SLS_ENDPOINT: '127.0.54.32',
      ALIYUN_SLS_REGION: 'cn-hangzhou',
      ALIYUN_SLS_PROJECT_NAME: 'dify',
      LOGSTORE_PG_MODE_ENABLED: 'true',
      API_WORKFLOW_RUN_REPOSITORY:
        'extensions.logstore.repositories.logstore_api_workflow_run_repository.LogstoreAPIWorkflowRunRepository',
    });
    expect(Object.keys(environment).filter((name) => name.endsWith('_REPOSITORY'))).toHaveLength(4);
  });

  test('without the dedicated address the endpoint is a name with the port, and PostgreSQL mode is off', () => {
    expect(environmentOf(sampleAddresses({ httpPort: 15_081 }))).toMatchObject({
      ALIYUN_SLS_ENDPOINT: 'localhost:15081',
      LOGSTORE_PG_MODE_ENABLED: 'false',
    });
  });

  test('where only port 80 of the dedicated address is bound, PostgreSQL mode is off', () => {
    expect(
      environmentOf(sampleAddresses({ dedicated: { host: '127.0.54.32', hasPg: false } })),
    ).toMatchObject({
      ALIYUN_SLS_ENDPOINT: '127.0.54.32',
      LOGSTORE_PG_MODE_ENABLED: 'false',
    });
  });

  test('names an unknown component and those that exist', () => {
    expect(() => environmentOf(sampleAddresses(), 'web')).toThrow(
      expect.objectContaining({
        code: 'DEVSTACK_COMPONENT_UNKNOWN',
        hint: expect.stringContaining('api, worker, '),
      }),
    );
  });

  test('leaves SLS out when the stack has none', () => {
    const environment = environmentOf(sampleAddresses({ sls: false }));
    expect(Object.keys(environment).filter((name) => /SLS|LOGSTORE|REPOSITORY/.test(name))).toEqual([]);
  });
});

describe('formatEnvironment', () => {
  const awkward = {
    PLAIN: 'a/b:c',
    SPACE: 'a b',
    QUOTE: "it's",
    BOTH: `'"\\`,
    DOLLAR: '$HOME `id`',
    EMPTY: '',
  };

  test('shell text evaluates to the same values', async () => {
    await using folder = await createTemporaryFolder();
    const file = join(folder.path, 'env.sh');
    writeFileSync(file, formatEnvironment(awkward, 'shell'));
    const printed = execFileSync('/bin/sh', ['-c', `. "$1"; env -0`, 'sh', file], { env: {} }).toString();
    expect(printed.split('\0')).toEqual(
      expect.arrayContaining(Object.entries(awkward).map(([name, value]) => `${name}=${value}`)),
    );
  });

  test('dotenv text is read back by Node to the same values', () => {
    const { BOTH: _, ...readable } = awkward;
    expect(parseEnv(formatEnvironment(readable, 'dotenv'))).toEqual(readable);
  });

  test('json is one object', () => {
    expect(JSON.parse(formatEnvironment(awkward, 'json'))).toEqual(awkward);
  });
});
