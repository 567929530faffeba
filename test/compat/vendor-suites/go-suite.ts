import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess } from '../../src/running-process.ts';
import { type CaseResult, withRequests } from './case-result.ts';
import { environmentWithoutProxies } from './checkouts.ts';
import { endpoint, type SuiteEmulator, startSuiteEmulator } from './emulator.ts';
import { casesOfGoRun, type GoTests, goTestsOf } from './go-output.ts';
import { startRecordingProxy } from './recording-proxy.ts';

/** A package with live tests: its folder and the compiled test program in it. */
interface GoPackage {
  readonly name: string;
  readonly folder: string;
  readonly program: string;
  readonly tests: GoTests;
}

const packageFolders = { root: '.', consumer: 'consumer', producer: 'producer' } as const;
const linesMax = 20_000;

/** Names hold the second of their making, and some are of the whole account: no two functions start in the same one. */
const startEveryMs = 1100;
const atOnceMax = 24;

/** These end only when the user presses Ctrl-C. */
const interrupted = new Set(['producer/TestProducer', 'producer/TestProducer_CallBack']);
const interruptEveryMs = 5000;

/** What other methods of their suite leave behind changes their result, so each has a process of its own. */
const apart = new Set(['TestLogStore/TestGetLogs', 'TestScheduledSQL/TestClient_UpdateAndGetScheduledSQL']);

/** These sleep for 2000 seconds and check nothing. They are left out unless there is time for them. */
const sleeping = new Set([
  'consumer/TestConsumerQueryNoData',
  'consumer/TestConsumerProcessor',
  'consumer/TestConsumerWithLogId',
]);
const sleepMs = 2100 * 1000;

async function readPackage(checkout: string, name: keyof typeof packageFolders): Promise<GoPackage | string> {
  const folder = join(checkout, packageFolders[name]);
  const files = await readdir(folder);
  const program = files.find((file) => file.endsWith('.test'));
  if (program === undefined) return `there is no compiled test program *.test in ${folder}`;
  const sources = files.filter((file) => file.endsWith('_e2e_test.go'));
  const texts = await Promise.all(sources.map((file) => readFile(join(folder, file), 'utf8')));
  return { name, folder, program: join(folder, program), tests: goTestsOf(texts) };
}

/** The packages, or the reason why the suite cannot run in this checkout. */
export async function goPackagesOf(checkout: string): Promise<readonly GoPackage[] | string> {
  const packages: GoPackage[] = [];
  for (const name of ['root', 'consumer', 'producer'] as const) {
    const found = await readPackage(checkout, name);
    if (typeof found === 'string') return found;
    packages.push(found);
  }
  return packages;
}

interface GoTask {
  readonly package: GoPackage;
  readonly test: string;
  readonly methods: readonly string[];
  readonly project: string;
}

function environmentOf(emulator: SuiteEmulator, proxyUrl: string, task: GoTask): NodeJS.ProcessEnv {
  return {
    ...environmentWithoutProxies(),
    HTTP_PROXY: proxyUrl,
    LOG_TEST_ENDPOINT: `http://${endpoint}`,
    LOG_TEST_ACCESS_KEY_ID: emulator.key.id,
    LOG_TEST_ACCESS_KEY_SECRET: emulator.key.secret,
    LOG_TEST_PROJECT: task.project,
    LOG_TEST_PROJECT_NAME: task.project,
    LOG_TEST_LOGSTORE: 'suite-logs',
    LOG_TEST_METRIC_STORE_NAME: 'suite-metrics',
    LOG_TEST_STORE_VIEW_PROJECT: `${task.project}-views`,
    LOG_TEST_REGION: 'cn-hangzhou',
    LOG_TEST_ROLE_ARN: 'acs:ram::1234567890123456:role/sampan-vendor-suite',
    LOG_TEST_CMK_ID: 'key-sampan-vendor-suite',
    LOG_TEST_CMK_ENDPOINT: 'cn-hangzhou',
  };
}

/** The methods of a suite that share a process, and those that have one of their own. */
function partsOf(test: string, methods: readonly string[]): (readonly string[])[] {
  const isApart = (method: string): boolean => apart.has(`${test}/${method}`);
  return [methods.filter((method) => !isApart(method)), ...methods.filter(isApart).map((method) => [method])];
}

/** Runs one test function in a process and with a project of its own, so that all of them can sleep side by side. */
async function runTask(emulator: SuiteEmulator, task: GoTask, limitMs: number): Promise<CaseResult[]> {
  const name = `${task.package.name}/${task.test}`;
  if (sleeping.has(name) && limitMs < sleepMs) {
    const detail = 'sleeps for 2000 seconds and checks nothing';
    return [{ name, outcome: 'skipped', tookMs: 0, requests: 0, detail, refused: [] }];
  }
  await emulator.createProject(task.project, ['suite-logs']);
  await emulator.createMetricStore(task.project, 'suite-metrics');
  await using proxy = await startRecordingProxy(emulator.http);
  const startedAt = Date.now();
  const running = startProcess({
    command: [
      ...[task.package.program, '-test.v', '-test.timeout', '0', '-test.run', `^${task.test}$`],
      ...(task.methods.length === 0 ? [] : ['-testify.m', `^(${task.methods.join('|')})$`]),
    ],
    cwd: task.package.folder,
    environment: environmentOf(emulator, proxy.url, task),
  });
  const lines: { at: number; text: string }[] = [];
  const { stdout } = running.child;
  if (stdout === null) throw new Error(`${task.test} has no standard output`);
  createInterface({ input: stdout }).on('line', (text) => {
    if (lines.length < linesMax) lines.push({ at: Date.now(), text });
  });
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    running.signalGroup('SIGKILL');
  }, limitMs);
  const interrupt = interrupted.has(name)
    ? setInterval(() => running.signal('SIGINT'), interruptEveryMs)
    : undefined;
  const ended = await running.ended;
  clearTimeout(limit);
  clearInterval(interrupt);
  const ending = isLate
    ? `ended by the time limit of ${limitMs / 60_000} minutes`
    : `exit code ${ended.code}, ${running.stderr().slice(-1000)}`;
  const run = { test: task.test, methods: task.methods, startedAt, endedAt: Date.now(), lines, ending };
  return withRequests(casesOfGoRun(run), proxy.exchanges()).map((result) => ({
    ...result,
    name: `${task.package.name}/${result.name}`,
  }));
}

/** Runs every live test of the packages against one emulator. */
export async function runGoSuite(packages: readonly GoPackage[], limitMs: number): Promise<CaseResult[]> {
  await using emulator = await startSuiteEmulator();
  const only = process.env['SAMPAN_VENDOR_GO_RUN'];
  const tasks = packages
    .flatMap((found) =>
      [...found.tests].flatMap(([test, methods]) =>
        partsOf(test, methods).map((part) => ({ package: found, test, methods: part })),
      ),
    )
    .filter(({ test }) => only === undefined || new RegExp(only).test(test))
    .map((task, index) => ({ ...task, project: `vendor-go-${index}` }));
  const results = new Map<GoTask, CaseResult[]>();
  const waiting = [...tasks];
  let nextStart = Date.now();
  const worker = async (): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      nextStart = Math.max(nextStart + startEveryMs, Date.now());
      await delay(nextStart - Date.now());
      results.set(task, await runTask(emulator, task, limitMs));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, tasks.length) }, worker));
  return tasks.flatMap((task) => results.get(task) ?? []);
}
