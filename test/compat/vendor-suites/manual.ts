import { type SuiteName, suiteNames } from './case-result.ts';
import { type ExpectedFailure, type ExpectedFailures, type Ground, grounds } from './expected-failures.ts';

const titles: Readonly<Record<SuiteName, string>> = {
  cli: 'aliyun-log-cli: command list',
  go: 'Go SDK: live suites',
  python: 'Python SDK: live suites and programs',
  node: 'Node SDK: integration and unit tests',
};

const meanings: Readonly<Record<Ground, string>> = {
  cloud: 'needs another product of the cloud',
  suite: 'cannot pass as it is written, against the cloud neither',
  emulator: 'differs from the service, or is not emulated',
};

const introduction = `# The vendors' own suites

The SLS emulator is measured with the tests that the vendor wrote for the clients: the command list of aliyun-log-cli, the live suites of
the Go and Python SDKs, and the tests of the Node SDK. They run against \`node bin/sls.mjs\` started by the test, unchanged.

\`\`\`sh
SAMPAN_VENDOR_DIR=~/checkouts npx vitest run --project compat test/compat/vendor-suites
\`\`\`

| variable | meaning |
|---|---|
| \`SAMPAN_VENDOR_DIR\` | folder of checkouts: \`aliyun-log-cli\`, \`aliyun-log-go-sdk\`, \`aliyun-log-python-sdk\`, \`aliyun-log-nodejs-sdk\`. A suite whose checkout is absent is skipped, and says so |
| \`SAMPAN_VENDOR_SUITES\` | only these, for example \`cli,go,python,node\` |
| \`SAMPAN_VENDOR_GO_RUN\` | only the Go test functions that match this pattern |
| \`SAMPAN_VENDOR_GO_MINUTES\` | how long one Go test function may take; default 12. Above 35, three that sleep for 33 minutes are run too |
| \`SAMPAN_VENDOR_FAILURES\` | folder for a page per suite: each failed case with the requests that were refused |
| \`SAMPAN_RECORD\` | 1 keeps the result in \`bench/results/vendor-suites-DATE.json\` |

The checkouts are used as they are, nothing of them is part of this repository, and nothing is built: the Node SDK must have its dependencies
in \`node_modules\`, and the Go packages \`.\`, \`consumer\` and \`producer\` must each hold their compiled test program \`*.test\` (tag \`e2e\`).
The command line client needs the Python SDK's checkout as well. Its command list was last changed with commit \`6f8cef3\`; later clients no longer
have all of its commands, so the list below is for a checkout of that commit.

## How they meet the emulator

| suite | names lead to the emulator by | beside that |
|---|---|---|
| aliyun-log-cli | \`http_proxy\` | the \`sleep\` lines are left out; a command that occurs twice runs once, as in the vendor's own runner |
| Go SDK | \`HTTP_PROXY\` | each test function is a process with a project of its own, side by side, because they sleep for minutes, and two methods that are changed by what others leave behind run apart; two functions that end only with Ctrl-C get it |
| Python SDK | \`http_proxy\` | sleeps of five seconds and more of the main thread are cut; a plug-in supplies values that some tests take as fixtures but no conftest gives, and orders the steps of the resource suite as its main program does; two files whose source holds no access key meet an emulator with \`--auth any\` |
| Node SDK | a loader that leads \`*.log.aliyuncs.com\` to a port of this machine | – |

A proxy that changes nothing notes each request, so a failed case is shown with what was refused. A case counts as failed also when the suite
broke off before it. Cases are counted as passed, failed, needing another cloud product, or skipped (by the suite, or for lack of time).

## Cases that may fail

\`test/compat/vendor-suites/expected-failures.json\` names each case that may fail. The test fails when any other case fails, and when one of
these passes. The tables below are made from that file.
`;

/** Text that is safe in a cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function tableOf(entries: readonly ExpectedFailure[]): string {
  const rows = entries.map(
    ({ reason, cases }) => `| ${cell(reason)} | ${cases.map((name) => `\`${cell(name)}\``).join('<br>')} |`,
  );
  return ['| reason | cases |', '|---|---|', ...rows].join('\n');
}

function sectionOf(suite: SuiteName, list: readonly ExpectedFailure[]): string {
  const parts = grounds.flatMap((ground) => {
    const entries = list.filter((entry) => entry.ground === ground);
    const count = entries.reduce((sum, { cases }) => sum + cases.length, 0);
    if (count === 0) return [];
    return [`${count === 1 ? '1 case' : `${count} cases`}: ${meanings[ground]}.\n\n${tableOf(entries)}`];
  });
  const body = parts.length === 0 ? 'None.' : parts.join('\n\n');
  return `### ${titles[suite]}\n\n${body}\n`;
}

/** The page `docs/sls-vendor-suites.md`. */
export function manualOf(list: ExpectedFailures): string {
  return [introduction, ...suiteNames.map((suite) => sectionOf(suite, list[suite]))].join('\n');
}
