import { z } from 'zod';

/** What the manual's table and the editor say about one option. */
export interface OptionText {
  readonly description: string;
  readonly unit?: string;
}

/** Attaches the manual's text to an option. Call it last: zod keeps the text with the very object it is called on. */
export function option<T extends z.ZodType>(schema: T, text: OptionText): T {
  return schema.meta({ ...text });
}

/** A whole number within `min` and `max`, both allowed. */
export function integer(min: number, max: number): z.ZodInt {
  return z.int().min(min).max(max);
}

/** A TCP port; 0 takes any free one. */
export const port = () => integer(0, 65_535);

/** The text of an option, read through its default or optional wrapper. */
export function optionTextOf(schema: z.ZodType): OptionText {
  const meta = schema.meta() ?? {};
  const description = typeof meta.description === 'string' ? meta.description : '';
  const unit = meta['unit'];
  return typeof unit === 'string' ? { description, unit } : { description };
}

/** The schema below `default`, `prefault` and `optional` wrappers. */
export function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}
