import type { TimedCase } from './case-result.ts';

/** Test functions of a package as its sources declare them: plain ones, and suites with their methods. */
export type GoTests = ReadonlyMap<string, readonly string[]>;

/** Reads the declarations of the `*_e2e_test.go` files of one package. A plain test has no methods. */
export function goTestsOf(sources: readonly string[]): GoTests {
  const methods = new Map<string, string[]>();
  for (const source of sources) {
    for (const [, type = '', name = ''] of source.matchAll(/^func \(\w+ \*(\w+)\) (Test\w+)\(\) /gm)) {
      methods.set(type, [...(methods.get(type) ?? []), name]);
    }
  }
  const tests = new Map<string, readonly string[]>();
  for (const source of sources) {
    for (const [, name = '', body = ''] of source.matchAll(
      /^func (Test\w+)\(t \*testing\.T\) \{(.*?)^\}/gms,
    )) {
      const type = /suite\.Run\(t, new\((\w+)\)\)/.exec(body)?.[1];
      tests.set(name, type === undefined ? [] : (methods.get(type) ?? []));
    }
  }
  return tests;
}

interface Line {
  readonly at: number;
  readonly text: string;
}

/** What one test function printed, line by line with the time of each line. */
export interface GoRun {
  readonly test: string;
  readonly methods: readonly string[];
  readonly startedAt: number;
  readonly endedAt: number;
  readonly lines: readonly Line[];
  /** Why it was ended from outside, or how the process ended. */
  readonly ending: string;
}

type Verdict = 'PASS' | 'FAIL' | 'SKIP';
const outcomes = { PASS: 'passed', FAIL: 'failed', SKIP: 'skipped' } as const;

/** The cases of one test function: itself, or the methods of its suite. */
export function casesOfGoRun(run: GoRun): TimedCase[] {
  const verdicts = new Map<string, Verdict>();
  const windows = new Map<string, { from: number; to: number; text: string[] }>();
  let current = run.test;
  windows.set(current, { from: run.startedAt, to: run.endedAt, text: [] });
  for (const { at, text } of run.lines) {
    const started = /^=== RUN\s+(\S+)$/.exec(text)?.[1]?.split('/').slice(0, 2).join('/');
    const verdict = /^\s*--- (PASS|FAIL|SKIP): (\S+) /.exec(text);
    if (verdict?.[2] !== undefined) verdicts.set(verdict[2], verdict[1] as Verdict);
    if (started !== undefined && started !== current) {
      const before = windows.get(current);
      if (before !== undefined) before.to = at;
      current = started;
      if (!windows.has(current)) windows.set(current, { from: at, to: run.endedAt, text: [] });
    }
    windows.get(current)?.text.push(text);
  }
  const whole = windows.get(run.test);
  const detailOf = (name: string): string =>
    [...(windows.get(name)?.text ?? []), ...(verdicts.has(name) ? [] : (whole?.text ?? [])), run.ending].join(
      '\n',
    );
  const caseOf = (name: string): TimedCase => {
    const window = windows.get(name) ?? whole;
    const outcome = outcomes[verdicts.get(name) ?? verdictOfWhole(verdicts.get(run.test))];
    return {
      name,
      outcome,
      startedAt: window?.from ?? run.startedAt,
      endedAt: window?.to ?? run.endedAt,
      detail: detailOf(name),
    };
  };
  if (run.methods.length === 0) return [caseOf(run.test)];
  const cases = run.methods.map((method) => caseOf(`${run.test}/${method}`));
  const isOnlyWholeFailed =
    verdicts.get(run.test) !== 'PASS' && cases.every(({ outcome }) => outcome === 'passed');
  return isOnlyWholeFailed ? [...cases, { ...caseOf(run.test), outcome: 'failed' }] : cases;
}

/** A method that is not reported shares the fate of its suite: skipped with it, else failed. */
function verdictOfWhole(verdict: Verdict | undefined): Verdict {
  return verdict === 'SKIP' ? 'SKIP' : 'FAIL';
}
