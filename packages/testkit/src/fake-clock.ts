import type { Clock, Timer } from '@sampan/base';

/** A clock that moves only when told to. */
export interface FakeClock extends Clock {
  /** Moves time forward and runs, in order of their due time, the timers that fall due. */
  advance(byMs: number): void;
}

/** Creates a clock that stands at `startMs` (milliseconds since the Unix epoch). */
export function createFakeClock(startMs = 1_700_000_000_000): FakeClock {
  let nowMs = startMs;
  let order = 0;
  const timers = new Set<{ dueMs: number; order: number; callback: () => void }>();

  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    after(delayMs, callback): Timer {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance(byMs) {
      const endMs = nowMs + byMs;
      for (;;) {
        const due = [...timers]
          .filter((timer) => timer.dueMs <= endMs)
          .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
        if (due === undefined) break;
        timers.delete(due);
        nowMs = due.dueMs;
        due.callback();
      }
      nowMs = endMs;
    },
  };
}
