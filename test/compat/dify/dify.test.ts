import { createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { root, startSlsProcess } from '../../src/apps.ts';
import { startStackOfTest } from '../../src/dev-stack.ts';
import { preparePython } from '../../src/python-environment.ts';
import { jsonLinesOf, runProcess } from '../../src/running-process.ts';

const program = `${root}/test/compat/dify/dify_contract.py`;
const common = ['aliyun-log-python-sdk==0.9.47', 'psycopg2-binary==2.9.13'];
const environments = {
  '2.0.54': await preparePython([...common, 'SQLAlchemy==2.0.54']),
  '2.1.1': await preparePython([...common, 'SQLAlchemy==2.1.1']),
};

/** What the program printed, split into what passed and what did not. */
function checksOf(stdout: string): { passed: string[]; failed: unknown[]; isComplete: boolean } {
  const lines = jsonLinesOf(stdout);
  const checks = lines.filter((line) => 'check' in line);
  return {
    passed: checks
      .filter((line) => line['ok'] === true)
      .map((line) => `${line['transport']}: ${line['check']}`),
    failed: checks.filter((line) => line['ok'] !== true),
    isComplete: lines.some((line) => line['event'] === 'done'),
  };
}

/** The whole catalogue must have been asked over both transports, not only have passed. */
function expectWholeCatalogue(passed: readonly string[]): void {
  const queries = ['Q1', 'Q5', 'Q6', 'Q7', 'Q8', 'Q9', 'Q10', 'Q11', "Q11'", 'Q12', "Q12'", 'Q13', "Q13'"];
  for (const transport of ['http', 'pg', 'both']) {
    for (const query of queries) {
      const prefix = transport === 'both' ? `both: same over both: ${query} ` : `${transport}: ${query} `;
      const isExactName = (name: string) => name === prefix.trimEnd();
      expect(
        passed.some((name) => name.startsWith(prefix) || isExactName(name)),
        `${query} over ${transport}`,
      ).toBe(true);
    }
  }
}

function skipReason(version: keyof typeof environments): string | undefined {
  return environments[version].missing;
}

describe('Dify, played by its own client libraries against the emulator alone', () => {
  for (const [version, addressing] of [
    ['2.0.54', 'names that resolve to the machine'],
    ['2.1.1', 'http_proxy'],
  ] as const) {
    it(`gets over HTTP and PG what Python computes (SQLAlchemy ${version}, ${addressing})`, async (test) => {
      const environment = environments[version];
      if (environment.missing !== undefined) {
        test.skip(`no Python environment: ${environment.missing}`);
        return;
      }
      await using folder = await createTemporaryFolder();
      await using sls = await startSlsProcess(folder.path);
      const port = new URL(sls.http).port;
      const domain = 'cn-hangzhou.log.aliyuncs.com';
      const run = await runProcess({
        command: [environment.python, program],
        timeoutMs: 240_000,
        environment: {
          ...process.env,
          PYTHONDONTWRITEBYTECODE: '1',
          ALIYUN_SLS_ACCESS_KEY_ID: sls.key.id,
          ALIYUN_SLS_ACCESS_KEY_SECRET: sls.key.secret,
          ALIYUN_SLS_REGION: 'cn-hangzhou',
          ALIYUN_SLS_PROJECT_NAME: 'dify-compat',
          ...(addressing === 'http_proxy'
            ? { ALIYUN_SLS_ENDPOINT: `http://${domain}`, http_proxy: sls.http }
            : { ALIYUN_SLS_ENDPOINT: `http://${domain}:${port}`, DIFY_CONTRACT_RESOLVE: domain }),
          DIFY_CONTRACT_PG_HOST: sls.pg.host,
          DIFY_CONTRACT_PG_PORT: String(sls.pg.port),
        },
      });
      const { passed, failed, isComplete } = checksOf(run.stdout);
      expect(failed).toEqual([]);
      expect(isComplete, `${run.stdout.slice(-2000)}\n${run.stderr}`).toBe(true);
      expect(run.code).toBe(0);
      expectWholeCatalogue(passed);
    });
  }
});

describe('Dify under `sampan exec`', () => {
  it('reaches the stack of `sampan dev` with nothing but the environment', async (test) => {
    const missing = skipReason('2.0.54');
    const environment = environments['2.0.54'];
    if (missing !== undefined || environment.missing !== undefined) {
      test.skip(`no Python environment: ${missing}`);
      return;
    }
    await using stack = await startStackOfTest();
    const run = await stack.exec([environment.python, program], {
      timeoutMs: 240_000,
      environment: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: '1',
        // Without the right to listen at 5432 there is no PG mode for Dify; the protocol is there all the same.
        ...(stack.environment['LOGSTORE_PG_MODE_ENABLED'] === 'true'
          ? {}
          : { DIFY_CONTRACT_PG_HOST: '127.0.0.1', DIFY_CONTRACT_PG_PORT: String(stack.folder.ports.slsPg) }),
      },
    });
    const { passed, failed, isComplete } = checksOf(run.stdout);
    expect(failed).toEqual([]);
    expect(isComplete, `${run.stdout.slice(-2000)}\n${run.stderr}`).toBe(true);
    expect(run.code).toBe(0);
    expectWholeCatalogue(passed);
  });
});
