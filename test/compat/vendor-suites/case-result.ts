/** The suites, by the word that selects them. */
export const suiteNames = ['cli', 'go', 'python', 'node'] as const;
export type SuiteName = (typeof suiteNames)[number];

/** One request of a suite and what came back; the unit of attribution is its time. */
export interface Exchange {
  /** Milliseconds since 1970 when the request arrived. */
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** The first bytes of a text body of a refused request, and of its answer. */
  readonly sent: string;
  readonly answer: string;
}

/** What the suite itself says of one of its cases. */
export interface CaseResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly tookMs: number;
  /** Requests that reached the emulator while the case ran. */
  readonly requests: number;
  /** Why it failed or was skipped: the end of what it printed. */
  readonly detail: string;
  /** Requests that were answered with status 400 or above. */
  readonly refused: readonly Exchange[];
}

/** A case before its requests are known. */
export interface TimedCase {
  readonly name: string;
  readonly outcome: CaseResult['outcome'];
  readonly startedAt: number;
  readonly endedAt: number;
  readonly detail: string;
}

const detailCharactersMax = 6000;
const lineCharactersMax = 1500;
const refusedMax = 20;

/** The beginning and the end of what a case printed; suites print whole replies in one line. */
function shorten(detail: string): string {
  const lines = detail.split('\n').map((line) => line.slice(0, lineCharactersMax));
  const text = lines.join('\n').trim();
  if (text.length <= detailCharactersMax) return text;
  return `${text.slice(0, detailCharactersMax / 3)}\n…\n${text.slice((-detailCharactersMax * 2) / 3)}`;
}

/** Attributes requests to cases by time. Exact where the cases of one `exchanges` list ran one after another. */
export function withRequests(cases: readonly TimedCase[], exchanges: readonly Exchange[]): CaseResult[] {
  return cases.map(({ name, outcome, startedAt, endedAt, detail }) => {
    const own = exchanges.filter(({ at }) => at >= startedAt && at < endedAt);
    return {
      name,
      outcome,
      tookMs: endedAt - startedAt,
      requests: own.length,
      detail: outcome === 'passed' ? '' : shorten(detail),
      refused: own.filter(({ status }) => status >= 400).slice(0, refusedMax),
    };
  });
}
