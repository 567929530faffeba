import { expect, it } from 'vitest';
import { createRandom, everySplit } from './chunks.ts';

it('cuts bytes at every place and gives the same bytes back when joined', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const splits = [...everySplit(bytes)];
  expect(splits).toHaveLength(5);
  for (const parts of splits) expect(Buffer.concat(parts)).toEqual(Buffer.from(bytes));
});

it('repeats the same random numbers for the same seed', () => {
  const [a, b] = [createRandom(7), createRandom(7)];
  expect(Array.from({ length: 50 }, () => a.integer(1000))).toEqual(
    Array.from({ length: 50 }, () => b.integer(1000)),
  );
  expect(createRandom(8).bytes(16)).not.toEqual(createRandom(7).bytes(16));
});
