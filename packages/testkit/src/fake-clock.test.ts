import { expect, it } from 'vitest';
import { createFakeClock } from './fake-clock.ts';

it('runs timers in order of due time, also those set meanwhile, and leaves cancelled ones out', () => {
  const clock = createFakeClock(1_000);
  const ran: string[] = [];
  clock.after(20, () => void ran.push(`b@${clock.nowMs()}`));
  clock.after(10, () => {
    ran.push(`a@${clock.nowMs()}`);
    clock.after(5, () => void ran.push(`a2@${clock.nowMs()}`));
  });
  clock.after(15, () => void ran.push('cancelled')).cancel();
  clock.advance(19);
  expect(ran).toEqual(['a@1010', 'a2@1015']);
  clock.advance(1);
  expect(ran).toEqual(['a@1010', 'a2@1015', 'b@1020']);
  expect(clock.monotonicMs()).toBe(20);
});
