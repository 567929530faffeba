import { slsErrors } from '@sampan/sls-wire';

/**
 * Cursors are decimal numbers of 19 digits in base64, one per log group and consecutive, because clients decode
 * them, subtract one and ask for the time of the cursor before. The service's numbers grow with time; the first one here
 * lies above those of this decade, so that a cursor brought along from there is older than everything.
 */
const firstCursor = 1_900_000_000_000_000_000n;
const positionMax = 2 ** 47;

export function encodeCursor(position: number): string {
  return Buffer.from(String(firstCursor + BigInt(position))).toString('base64');
}

/**
 * The position that a cursor stands for: -1 for all before the first, such as the one that clients compute.
 * `undefined` when the text is not a cursor.
 */
export function decodeCursor(text: string): number | undefined {
  const digits = Buffer.from(text, 'base64').toString('latin1');
  if (!/^\d{1,20}$/.test(digits)) return undefined;
  const position = Math.max(-1, Number(BigInt(digits) - firstCursor));
  return position > positionMax ? undefined : position;
}

/** The position of a cursor that must not lie behind `end`. Throws the vendor's errors. */
export function requireCursor(text: string | undefined, end: number): number {
  if (text === undefined || !/^[A-Za-z0-9+/]+={0,2}\s*$/.test(text)) {
    throw slsErrors.parameterInvalid('Parameter Cursor is not valid');
  }
  const position = decodeCursor(text);
  if (position === undefined || position > end) throw slsErrors.invalidCursor();
  return position;
}
