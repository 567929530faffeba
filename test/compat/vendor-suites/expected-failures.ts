import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type CaseResult, type SuiteName, suiteNames } from './case-result.ts';

/**
 * Why a case may fail: it needs another product of the cloud; the suite cannot pass it as it is written, against the
 * cloud neither; or the emulator lacks something.
 */
export const grounds = ['cloud', 'suite', 'emulator'] as const;
export type Ground = (typeof grounds)[number];

/** Cases that share a reason. */
export interface ExpectedFailure {
  readonly ground: Ground;
  readonly reason: string;
  readonly cases: readonly string[];
}

export type ExpectedFailures = Readonly<Record<SuiteName, readonly ExpectedFailure[]>>;

/** The file that names every case that may fail. */
export async function readExpectedFailures(): Promise<ExpectedFailures> {
  const path = fileURLToPath(new URL('expected-failures.json', import.meta.url));
  return JSON.parse(await readFile(path, 'utf8')) as ExpectedFailures;
}

/** What is wrong with the list itself. */
export function problemsOf(list: ExpectedFailures): string[] {
  const problems: string[] = [];
  for (const suite of suiteNames) {
    const seen = new Set<string>();
    for (const { ground, reason, cases } of list[suite]) {
      if (!grounds.includes(ground)) problems.push(`${suite}: no such ground ${ground}`);
      if (reason.length < 10 || cases.length === 0)
        problems.push(`${suite}: an entry says nothing: ${reason}`);
      for (const name of cases) {
        if (seen.has(name)) problems.push(`${suite}: ${name} is listed twice`);
        seen.add(name);
      }
    }
  }
  return problems;
}

export interface Judged {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'needs another cloud product' | 'skipped';
  readonly requests: number;
  readonly reason?: string;
}

/** A run of one suite held against the list. */
export interface Verdict {
  readonly cases: readonly Judged[];
  readonly counts: {
    readonly total: number;
    readonly passed: number;
    readonly failed: number;
    readonly needsAnotherCloudProduct: number;
    readonly skipped: number;
    /** Cases that sent at least one request, and how many of them passed. */
    readonly withRequests: number;
    readonly withRequestsPassed: number;
  };
  /** Failed, and not listed. */
  readonly unexpected: readonly CaseResult[];
  /** Listed, but passed or skipped. */
  readonly passedThoughListed: readonly string[];
  /** Listed, but no case of the suite. */
  readonly unknown: readonly string[];
}

function judge(result: CaseResult, listed: ExpectedFailure | undefined): Judged {
  const { name, requests } = result;
  if (result.outcome === 'passed') return { name, requests, outcome: 'passed' };
  if (result.outcome === 'skipped') {
    return { name, requests, outcome: 'skipped', reason: result.detail };
  }
  const outcome = listed?.ground === 'cloud' ? 'needs another cloud product' : 'failed';
  return { name, requests, outcome, ...(listed === undefined ? {} : { reason: listed.reason }) };
}

/** Compares a run with the list, both ways. */
export function verdictOf(results: readonly CaseResult[], list: readonly ExpectedFailure[]): Verdict {
  const listed = new Map(list.flatMap((entry) => entry.cases.map((name) => [name, entry] as const)));
  const cases = results.map((result) => judge(result, listed.get(result.name)));
  const count = (outcome: Judged['outcome']): number =>
    cases.filter((judged) => judged.outcome === outcome).length;
  const withRequests = cases.filter(({ requests }) => requests > 0);
  const names = new Set(results.map(({ name }) => name));
  return {
    cases,
    counts: {
      total: cases.length,
      passed: count('passed'),
      failed: count('failed'),
      needsAnotherCloudProduct: count('needs another cloud product'),
      skipped: count('skipped'),
      withRequests: withRequests.length,
      withRequestsPassed: withRequests.filter(({ outcome }) => outcome === 'passed').length,
    },
    unexpected: results.filter(({ name, outcome }) => outcome === 'failed' && !listed.has(name)),
    passedThoughListed: results
      .filter(({ name, outcome }) => outcome !== 'failed' && listed.has(name))
      .map(({ name }) => name),
    unknown: [...listed.keys()].filter((name) => !names.has(name)),
  };
}
