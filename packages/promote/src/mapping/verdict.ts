import type { Position } from '../compose/tree.ts';

/** What becomes of one key of the input. blocked: it cannot be carried over and somebody has to decide. */
export type Status = 'mapped' | 'approximated' | 'dropped' | 'blocked';

export interface Verdict {
  readonly status: Status;
  /** Where it went: a property, a resource, a parameter. */
  readonly target?: string;
  readonly reason: string;
  readonly advice?: string;
}

/** One line of the report. It never holds a value, so that no secret can be in it. */
export interface ReportItem extends Verdict {
  readonly path: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Verdicts by path, written by whoever maps a key. A verdict with `below` also holds for everything under the path
 * that has none of its own.
 */
export interface Ledger {
  set(path: string, verdict: Verdict, options?: { below: boolean }): void;
  get(path: string): Verdict | undefined;
  /** The nearest verdict above `path` that was set with `below`. */
  above(path: string): Verdict | undefined;
}

export function createLedger(): Ledger {
  const verdicts = new Map<string, Verdict>();
  const covering = new Map<string, Verdict>();
  return {
    set(path, verdict, options) {
      verdicts.set(path, verdict);
      if (options?.below === true) covering.set(path, verdict);
    },
    get: (path) => verdicts.get(path),
    above(path) {
      for (let at = parentOf(path); at !== ''; at = parentOf(at)) {
        const verdict = covering.get(at);
        if (verdict !== undefined) return verdict;
      }
      return undefined;
    },
  };
}

/**
 * `services.api.ports[0]` → `services.api.ports` → `services.api`. Keys with dots of their own (`discovery.type`) lose
 * one part at a time, which finds the same ancestors in the end.
 */
export function parentOf(path: string): string {
  const cut = Math.max(path.lastIndexOf('.'), path.lastIndexOf('['));
  return cut === -1 ? '' : path.slice(0, cut);
}

export function itemOf(path: string, position: Position, verdict: Verdict): ReportItem {
  return { path, file: position.file, line: position.line, column: position.column, ...verdict };
}
