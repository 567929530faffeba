import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonLinesOf, runProcess } from '../../src/running-process.ts';
import { type CaseResult, type TimedCase, withRequests } from './case-result.ts';
import { environmentWithoutProxies } from './checkouts.ts';
import { startSuiteEmulator } from './emulator.ts';
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts';

const program = fileURLToPath(new URL('node-program.mjs', import.meta.url));
const project = 'vendor-node';

/** Why the suite cannot run in this checkout, or nothing. */
export function nodeSuiteMissing(checkout: string): string | undefined {
  const modules = join(checkout, 'node_modules');
  return existsSync(join(modules, 'mocha')) ? undefined : `its dependencies are not installed in ${modules}`;
}

/** The cases that a program or plug-in of ours printed as JSON lines. */
export function casesOfLines(stdout: string): TimedCase[] {
  return jsonLinesOf(stdout)
    .filter((line) => typeof line['case'] === 'string')
    .map((line) => ({
      name: String(line['case']),
      outcome: line['outcome'] as TimedCase['outcome'],
      startedAt: Number(line['startedAt']),
      endedAt: Number(line['endedAt']),
      detail: String(line['detail'] ?? ''),
    }));
}

/** Runs one mocha file; a file that cannot be loaded is one failed case. */
async function runFile(checkout: string, file: string, environment: NodeJS.ProcessEnv): Promise<TimedCase[]> {
  const startedAt = Date.now();
  const run = await runProcess({
    command: [process.execPath, program, checkout, file],
    cwd: checkout,
    environment,
    timeoutMs: 240_000,
  });
  const cases = casesOfLines(run.stdout);
  if (cases.length > 0 && run.code === 0) return cases;
  const broken = { name: file, outcome: 'failed' as const, startedAt, endedAt: Date.now() };
  return [...cases, { ...broken, detail: `exit code ${run.code}\n${run.stdout}\n${run.stderr}` }];
}

/** Runs the integration tests and the unit tests of `@alicloud/log`. */
export async function runNodeSuite(checkout: string): Promise<CaseResult[]> {
  await using emulator = await startSuiteEmulator();
  await using proxy: RecordingProxy = await startRecordingProxy(emulator.http);
  await emulator.createProject(project, ['crud', 'searched', 'tengine-log']);
  await emulator.deleteIndex(project, 'crud');
  const environment = {
    ...environmentWithoutProxies(),
    SAMPAN_PORT: String(proxy.port),
    TEST_PROJECT: project,
    TEST_STORE: 'crud',
    TEST_STORE2: 'searched',
    ACCESS_KEY_ID: emulator.key.id,
    ACCESS_KEY_SECRET: emulator.key.secret,
    REGION: 'cn-hangzhou',
  };
  const cases = [
    ...(await runFile(checkout, 'test/integration.test.js', environment)),
    ...(await runFile(checkout, 'test/unit.test.js', environment)),
  ];
  return withRequests(cases, proxy.exchanges());
}
