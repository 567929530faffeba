import { describe, expect, it, type TestContext } from 'vitest';
import { preparePython } from '../../src/python-environment.ts';
import { type CaseResult, type SuiteName, suiteNames } from './case-result.ts';
import { checkoutOf, isDeselected } from './checkouts.ts';
import { runCliSuite } from './cli-suite.ts';
import { readExpectedFailures, verdictOf } from './expected-failures.ts';
import { goPackagesOf, runGoSuite } from './go-suite.ts';
import { nodeSuiteMissing, runNodeSuite } from './node-suite.ts';
import { pythonPackages } from './python-packages.ts';
import { runPythonSuite } from './python-suite.ts';
import { describeFailure, recordVerdict, writeFailures } from './report.ts';

/** One test function of the Go suites may take this long; three of them sleep for 33 minutes and check nothing. */
const goLimitMs = Number(process.env['SAMPAN_VENDOR_GO_MINUTES'] ?? '12') * 60_000;
const wholeTimeoutMs = goLimitMs + 30 * 60_000;

const expected = await readExpectedFailures();

/** A run, or why there is none. */
type Ran = { readonly results: CaseResult[]; readonly commit: string } | string;

const runs: Readonly<Record<SuiteName, (checkout: string) => Promise<CaseResult[] | string>>> = {
  async cli(checkout) {
    const sdk = await checkoutOf('python');
    const pythonSdk = sdk.missing === undefined ? sdk.folder : undefined;
    if (pythonSdk === undefined) return `it needs the Python SDK: ${sdk.missing}`;
    const { python, missing } = await pythonEnvironment();
    return python === undefined ? missing : runCliSuite({ checkout, pythonSdk, python });
  },
  async go(checkout) {
    const packages = await goPackagesOf(checkout);
    return typeof packages === 'string' ? packages : runGoSuite(packages, goLimitMs);
  },
  async python(checkout) {
    const { python, missing } = await pythonEnvironment();
    return python === undefined ? missing : runPythonSuite({ checkout, python });
  },
  async node(checkout) {
    return nodeSuiteMissing(checkout) ?? runNodeSuite(checkout);
  },
};

let preparing: Promise<{ python?: string; missing: string }> | undefined;

function pythonEnvironment(): Promise<{ python?: string; missing: string }> {
  preparing ??= preparePython(pythonPackages).then((made) =>
    made.missing === undefined ? { python: made.python, missing: '' } : { missing: made.missing },
  );
  return preparing;
}

async function runOf(suite: SuiteName): Promise<Ran> {
  const deselected = isDeselected(suite);
  if (deselected !== undefined) return deselected;
  const checkout = await checkoutOf(suite);
  if (checkout.missing !== undefined) return checkout.missing;
  const results = await runs[suite](checkout.folder);
  return typeof results === 'string' ? results : { results, commit: checkout.commit };
}

async function expectListedFailuresOnly(suite: SuiteName, test: TestContext): Promise<void> {
  const ran = await runOf(suite);
  if (typeof ran === 'string') test.skip(ran);
  await writeFailures(suite, ran.results);
  const verdict = verdictOf(ran.results, expected[suite]);
  await recordVerdict(suite, ran.commit, verdict);
  await test.annotate(`${suite}: ${JSON.stringify(verdict.counts)}`);
  const details = verdict.unexpected.map((result) => describeFailure(suite, result)).join('\n');
  const unexpected = verdict.unexpected.map(({ name }) => name);
  expect(unexpected, `failed, and not listed in expected-failures.json\n${details}`).toEqual([]);
  expect(verdict.passedThoughListed, 'listed in expected-failures.json, but passed').toEqual([]);
  const isPart = suite === 'go' && process.env['SAMPAN_VENDOR_GO_RUN'] !== undefined;
  const unknown = isPart ? [] : verdict.unknown;
  expect(unknown, 'listed in expected-failures.json, but no case of the suite').toEqual([]);
}

describe.concurrent("the vendors' own suites against the emulator", () => {
  for (const suite of suiteNames) {
    it(
      `${suite}: every case passes that is not listed as one that may fail`,
      async (test) => {
        await expectListedFailuresOnly(suite, test);
      },
      wholeTimeoutMs,
    );
  }
});
