/** Every way to cut `bytes` into two parts, then one cut into single bytes. */
export function* everySplit(bytes: Uint8Array): Generator<readonly Uint8Array[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** A seeded source of random numbers, so that a failing case can be run again (mulberry32). */
export function createRandom(seed: number): {
  next(): number;
  integer(below: number): number;
  bytes(n: number): Uint8Array;
} {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  const integer = (below: number): number => Math.floor(next() * below);
  return { next, integer, bytes: (n) => Uint8Array.from({ length: n }, () => integer(256)) };
}
