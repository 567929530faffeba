import { afterAll, beforeAll, expect, it } from 'vitest';
import { indexOf, startTestEngine, type TestEngine, type TestLogstore } from '../../index-engine/testing.ts';

/** An expression, and the text the service answers with; `null` is SQL NULL. */
export type Value = readonly [expression: string, expected: string | null];
/** An expression, and part of the sentence it is refused with. */
export type Refusal = readonly [expression: string, sentence: string];

const slow = 60_000;

/** Checks one family of functions: `select <expression> from (values (1)) t(x)`. */
export function checkFunctions(
  values: readonly Value[],
  refusals: readonly Refusal[],
  options: { readonly timeZone?: string; readonly from?: string } = {},
): void {
  let engine: TestEngine;
  let store: TestLogstore;
  const from = options.from ?? '(values (1)) t(x)';
  beforeAll(async () => {
    engine = await startTestEngine(options.timeZone);
    store = await engine.logstore(indexOf({ id: 'text' }));
    await store.logs('*');
  }, slow);
  afterAll(() => engine[Symbol.asyncDispose]());

  it.each(values)('%s is %j', { timeout: slow }, async (expression, expected) => {
    expect(await store.rows(`select ${expression} from ${from}`)).toEqual([[expected]]);
  });

  it.each(refusals)('%s is refused: %s', { timeout: slow }, async (expression, sentence) => {
    await expect(store.rows(`select ${expression} from ${from}`)).rejects.toMatchObject({
      status: 400,
      errorCode: 'ParameterInvalid',
      errorMessage: expect.stringContaining(sentence),
    });
  });
}
