import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess } from '../../src/running-process.ts';
import { type CaseResult, type TimedCase, withRequests } from './case-result.ts';
import { environmentWithoutProxies } from './checkouts.ts';
import { endpoint, type SuiteEmulator, startSuiteEmulator } from './emulator.ts';
import { casesOfLines } from './node-suite.ts';
import { startRecordingProxy } from './recording-proxy.ts';

const additions = fileURLToPath(new URL('python', import.meta.url));
const project = 'vendor-python';

/** Their source holds an empty access key or asterisks, so they meet an emulator that takes any. */
const filesWithoutKey = ['tests/e2e/resource/resource_test.py', 'tests/e2e/logclient/test_project.py'];

/** Set in the source of `test_alert`: the project and the alert that it expects to find. */
const alert = { project: 'k8s-log-c783b4a12f29b44efa31f655a586bb243', name: 'alert-1572336608-916112' };

/** Programs of the suite with a `main` that reads its settings from the environment. */
const programs = [
  'tests.sample',
  'tests.sample_consumer',
  'tests.sample_getcontextlogs',
  'tests.sample_v4_sign',
  'tests.e2e.test_alert',
  'tests.e2e.test_entity',
  'tests.e2e.test_log_handler',
  'tests.e2e.test_logtail_config',
];

/** The tests of the transformation language read files beside themselves and talk to nobody. */
const transformationTests = 'tests/e2e/etl';

interface Run {
  readonly folder: string;
  readonly python: string;
  readonly environment: NodeJS.ProcessEnv;
}

function environmentOf(emulator: SuiteEmulator, proxyUrl: string, checkout: string): NodeJS.ProcessEnv {
  const { id, secret } = emulator.key;
  const logstore = 'suite-logs';
  return {
    ...environmentWithoutProxies(),
    PYTHONPATH: `${additions}:${checkout}`,
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    http_proxy: proxyUrl,
    LOG_TEST_ENDPOINT: endpoint,
    LOG_TEST_ACCESS_KEY_ID: id,
    LOG_TEST_ACCESS_KEY_SECRET: secret,
    LOG_TEST_PROJECT: project,
    LOG_TEST_LOGSTORE: logstore,
    TEST_ENDPOINT: endpoint,
    TEST_ACCESS_KEY_ID: id,
    TEST_ACCESS_KEY_SECRET: secret,
    TEST_PROJECT: project,
    TEST_LOGSTORE: logstore,
    ALIYUN_LOG_SAMPLE_ENDPOINT: endpoint,
    ALIYUN_LOG_SAMPLE_REGION: 'cn-hangzhou',
    ALIYUN_LOG_SAMPLE_ACCESSID: id,
    ALIYUN_LOG_SAMPLE_ACCESSKEY: secret,
    ALIYUN_LOG_SAMPLE_PROJECT: project,
    ALIYUN_LOG_SAMPLE_LOGSTORE: logstore,
  };
}

/** Runs files with pytest; when it breaks off, that is a failed case too. */
async function runPytest(run: Run, parameters: readonly string[]): Promise<TimedCase[]> {
  const startedAt = Date.now();
  const pytest = [run.python, '-m', 'pytest', '-p', 'sampan_cases', '-p', 'no:cacheprovider', '-m', 'e2e'];
  const ended = await runProcess({
    command: [...pytest, '-q', '--capture=fd', ...parameters],
    cwd: run.folder,
    environment: run.environment,
    timeoutMs: 600_000,
  });
  const cases = casesOfLines(ended.stdout);
  // 0 and 1: all cases ran.
  if (ended.code === 0 || ended.code === 1) return cases;
  const detail = `exit code ${ended.code}\n${ended.stdout}\n${ended.stderr}`;
  return [
    ...cases,
    { name: `pytest ${parameters.join(' ')}`, outcome: 'failed', startedAt, endedAt: Date.now(), detail },
  ];
}

async function runProgram(run: Run, name: string): Promise<TimedCase> {
  const startedAt = Date.now();
  const timed = (outcome: TimedCase['outcome'], detail: string): TimedCase => ({
    name: `program ${name}`,
    outcome,
    startedAt,
    endedAt: Date.now(),
    detail,
  });
  try {
    const ended = await runProcess({
      command: [run.python, '-m', name],
      cwd: run.folder,
      environment: run.environment,
      timeoutMs: 400_000,
    });
    const output = `exit code ${ended.code}\n${ended.stdout}\n${ended.stderr}`;
    return timed(ended.code === 0 ? 'passed' : 'failed', output);
  } catch (error) {
    return timed('failed', String(error));
  }
}

async function runWithKey(options: {
  readonly checkout: string;
  readonly python: string;
}): Promise<CaseResult[]> {
  await using emulator = await startSuiteEmulator('strict');
  await using proxy = await startRecordingProxy(emulator.http);
  await emulator.createProject(project, ['suite-logs', 'logstore']);
  await emulator.writeAccessLogs(project, 'suite-logs');
  await emulator.createProject(alert.project, ['alerts']);
  await emulator.createAlert(alert.project, alert.name);
  const environment = environmentOf(emulator, proxy.url, options.checkout);
  const run: Run = { python: options.python, folder: options.checkout, environment };
  const ignored = [transformationTests, ...filesWithoutKey].map((path) => `--ignore=${path}`);
  const cases = await runPytest(run, ['tests/e2e', ...ignored]);
  const beside = { ...run, folder: join(options.checkout, transformationTests) };
  cases.push(...(await runPytest(beside, ['test_case.py'])));
  for (const name of programs) {
    // This one makes its project and its logstore itself.
    const own = name === 'tests.sample_v4_sign' ? { ALIYUN_LOG_SAMPLE_PROJECT: 'vendor-python-v4' } : {};
    cases.push(await runProgram({ ...run, environment: { ...environment, ...own } }, name));
  }
  return withRequests(cases, proxy.exchanges());
}

async function runWithoutKey(options: {
  readonly checkout: string;
  readonly python: string;
}): Promise<CaseResult[]> {
  await using emulator = await startSuiteEmulator('any');
  await using proxy = await startRecordingProxy(emulator.http);
  await emulator.createProject(project, ['suite-logs']);
  await emulator.createProject('my-project', ['suite-logs']);
  const environment = environmentOf(emulator, proxy.url, options.checkout);
  const run: Run = { python: options.python, folder: options.checkout, environment };
  return withRequests(await runPytest(run, filesWithoutKey), proxy.exchanges());
}

/** Runs the live tests of the Python SDK and its programs with a `main`. */
export async function runPythonSuite(options: {
  readonly checkout: string;
  readonly python: string;
}): Promise<CaseResult[]> {
  return [...(await runWithKey(options)), ...(await runWithoutKey(options))];
}
