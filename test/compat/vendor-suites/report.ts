import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../src/apps.ts';
import type { CaseResult, SuiteName } from './case-result.ts';
import { commitOf } from './checkouts.ts';
import type { Verdict } from './expected-failures.ts';

/** A failed case with the requests that were refused, for people. */
export function describeFailure(suite: SuiteName, result: CaseResult): string {
  const refused = result.refused.map(
    ({ method, url, status, sent, answer }) =>
      `* \`${method} ${url.replace(/^http:\/\//, '')}\` ${sent === '' ? '' : `\`${sent.slice(0, 600)}\` `}→ ${status} \`${answer.slice(0, 400)}\``,
  );
  const detail = result.detail.split('\n').slice(-60).join('\n');
  return `### ${suite}: ${result.name}\n\n${refused.join('\n')}\n\n\`\`\`text\n${detail}\n\`\`\`\n`;
}

/** Writes every failed case of a run to the file that the environment names, one file per suite. */
export async function writeFailures(suite: SuiteName, results: readonly CaseResult[]): Promise<void> {
  const folder = process.env['SAMPAN_VENDOR_FAILURES'];
  if (folder === undefined || folder === '') return;
  await mkdir(folder, { recursive: true });
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const text = failed.map((result) => describeFailure(suite, result)).join('\n');
  await writeFile(
    join(folder, `${suite}.md`),
    `# ${suite}: ${failed.length} of ${results.length}\n\n${text}`,
  );
  await writeFile(join(folder, `${suite}.json`), JSON.stringify(results, undefined, 1));
}

let recording: Promise<void> = Promise.resolve();

/** Keeps the result of a run as dated JSON when `SAMPAN_RECORD` is 1; suites of one day share a file. */
export function recordVerdict(suite: SuiteName, checkout: string, verdict: Verdict): Promise<void> {
  if (process.env['SAMPAN_RECORD'] !== '1') return Promise.resolve();
  // Suites end side by side and add to one file, so one after another.
  recording = recording.then(() => addToRecord(suite, checkout, verdict));
  return recording;
}

async function addToRecord(suite: SuiteName, checkout: string, verdict: Verdict): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  const folder = join(root, 'bench', 'results');
  const path = join(folder, `vendor-suites-${date}.json`);
  await mkdir(folder, { recursive: true });
  const before = existsSync(path)
    ? (JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>)
    : {};
  const { counts, cases } = verdict;
  const emulator = await commitOf(root);
  const after = { ...before, date, node: process.version, [suite]: { emulator, checkout, counts, cases } };
  await writeFile(path, `${JSON.stringify(after, undefined, 1)}\n`);
}
