import type { Clock } from '@sampan/base';

/** So much per second, with one second's worth to spare. */
export interface RateLimit {
  /** False when the amount is not there; nothing is taken then. */
  take(amount: number): boolean;
}

/** A token bucket. An amount larger than a second's worth is let through when the bucket is full, and is owed. */
export function createRateLimit(perSecond: number, clock: Clock): RateLimit {
  let left = perSecond;
  let atMs = clock.monotonicMs();
  return {
    take(amount) {
      if (perSecond === Number.POSITIVE_INFINITY) return true;
      const nowMs = clock.monotonicMs();
      left = Math.min(perSecond, left + ((nowMs - atMs) / 1000) * perSecond);
      atMs = nowMs;
      if (left < Math.min(amount, perSecond)) return false;
      left -= amount;
      return true;
    },
  };
}
