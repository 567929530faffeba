import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { runProcess } from '../../src/running-process.ts';
import { type CaseResult, type TimedCase, withRequests } from './case-result.ts';
import { environmentWithoutProxies } from './checkouts.ts';
import { endpoint, startSuiteEmulator } from './emulator.ts';
import { startRecordingProxy } from './recording-proxy.ts';
import { parseTranscript, type Step } from './transcript.ts';

const commandTimeoutMs = 120_000;

/** Runs one command; says what is wrong, or nothing. */
async function complaintAbout(
  step: Step,
  options: { cwd: string; environment: NodeJS.ProcessEnv },
): Promise<string> {
  let output: string;
  let code: number | null;
  try {
    const command = ['sh', '-c', `( ${step.command} ) 2>&1`];
    const run = await runProcess({ command, ...options, timeoutMs: commandTimeoutMs });
    output = run.stdout;
    code = run.code;
  } catch (error) {
    return `${step.command}\n${error instanceof Error ? error.message : String(error)}`;
  }
  const missing = step.checks.filter((check) => !output.includes(check));
  if (missing.length > 0) {
    return `${step.command}\n--- expected in the output\n${missing.join('\n')}\n--- output\n${output}`;
  }
  if (step.checks.length === 0 && code !== 0) return `${step.command}\n--- exit code ${code}\n${output}`;
  return '';
}

/** Runs the command list of aliyun-log-cli in a copy of its folder, with a home of its own. */
export async function runCliSuite(options: {
  readonly checkout: string;
  readonly pythonSdk: string;
  readonly python: string;
}): Promise<CaseResult[]> {
  await using emulator = await startSuiteEmulator();
  await using proxy = await startRecordingProxy(emulator.http);
  await using folder = await createTemporaryFolder();
  const tests = join(folder.path, 'tests');
  const bin = join(folder.path, 'bin');
  await cp(join(options.checkout, 'tests'), tests, { recursive: true });
  await mkdir(bin);
  const program = join(options.checkout, 'aliyunlogcli', 'cli.py');
  await writeFile(join(bin, 'aliyunlog'), `#!/bin/sh\nexec "${options.python}" "${program}" "$@"\n`);
  await chmod(join(bin, 'aliyunlog'), 0o755);
  const { id, secret } = emulator.key;
  await writeFile(
    join(folder.path, '.aliyunlogcli'),
    `[main]\naccess-id = ${id}\naccess-key = ${secret}\nregion-endpoint = ${endpoint}\n`,
  );
  const environment = {
    ...environmentWithoutProxies(),
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: folder.path,
    PYTHONPATH: `${options.checkout}:${options.pythonSdk}`,
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    http_proxy: proxy.url,
    ALIYUN_LOG_CLI_ENDPOINT: endpoint,
    ALIYUN_LOG_CLI_ACCESSID: id,
    ALIYUN_LOG_CLI_ACCESSKEY: secret,
  };
  const now = Math.floor(Date.now() / 1000);
  const steps = parseTranscript(await readFile(join(tests, 'cmd_list.txt'), 'utf8'), {
    '${RANDOM_NUMBER}': String((now % 900_000) + 1),
    '${TIME-ONE-HOUR-AGO}': String(now - 3600),
    '${TIME-NOW}': String(now),
  });
  const cases: TimedCase[] = [];
  for (const step of steps) {
    const startedAt = Date.now();
    const detail = await complaintAbout(step, { cwd: tests, environment });
    const outcome = detail === '' ? 'passed' : 'failed';
    if (step.name !== undefined)
      cases.push({ name: step.name, outcome, startedAt, endedAt: Date.now(), detail });
  }
  return withRequests(cases, proxy.exchanges());
}
