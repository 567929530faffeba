import { z } from 'zod';
import { joinAlternatives } from '../diagnostics.ts';
import type { KeyPath } from '../problem.ts';
import { unwrap } from './option.ts';

/** The schema that the value at `path` must satisfy; undefined for a path that is not an option. */
export function schemaAt(root: z.ZodType, path: KeyPath): z.ZodType | undefined {
  const schema = unwrap(root);
  const [segment, ...rest] = path;
  if (segment === undefined) return root;
  if (schema instanceof z.ZodUnion) {
    for (const alternative of schema.options as z.ZodType[]) {
      const found = schemaAt(alternative, path);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const child = childOf(schema, segment);
  return child === undefined ? undefined : schemaAt(child, rest);
}

function childOf(schema: z.ZodType, segment: string | number): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) {
    return Object.hasOwn(schema.shape, segment) ? (schema.shape[segment] as z.ZodType) : undefined;
  }
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  return undefined;
}

/** The option names of a section; empty where names are free. */
export function keysOf(schema: z.ZodType): string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion) return (inner.options as z.ZodType[]).flatMap(keysOf);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** Whether the option is a section, so that writing its name alone means an empty one. */
export function isSection(schema: z.ZodType): boolean {
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject || inner instanceof z.ZodRecord;
}

/** What a value may be, in words: `a whole number from 1 to 50`, `blocking or streaming`. */
export function describeAllowed(schema: z.ZodType): string {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion)
    return joinAlternatives((inner.options as z.ZodType[]).map(describeAllowed));
  if (inner instanceof z.ZodEnum || inner instanceof z.ZodLiteral) {
    const values: readonly unknown[] = inner instanceof z.ZodEnum ? inner.options : [...inner.values];
    return joinAlternatives(values.map(String));
  }
  if (inner instanceof z.ZodBoolean) return 'true or false';
  if (inner instanceof z.ZodNumber) return describeNumber(inner);
  if (inner instanceof z.ZodArray) return describeArray(inner);
  if (isSection(inner)) return 'a section';
  return describeText(inner);
}

function describeNumber(schema: z.ZodNumber): string {
  const limits = z.toJSONSchema(schema, { io: 'input' });
  const noun = limits.type === 'integer' ? 'a whole number' : 'a number';
  const low =
    limits.exclusiveMinimum === undefined ? `from ${limits.minimum}` : `above ${limits.exclusiveMinimum}`;
  const high =
    limits.exclusiveMinimum === undefined ? `to ${limits.maximum}` : `and at most ${limits.maximum}`;
  return `${noun} ${low} ${high}`;
}

function describeArray(schema: z.ZodArray): string {
  const { minItems = 0, maxItems } = z.toJSONSchema(schema, { io: 'input' });
  const count =
    maxItems === undefined
      ? ''
      : ` of ${minItems === 0 ? '' : `${minItems} to `}${maxItems}`.replace(
          'of ',
          minItems === 0 ? 'of at most ' : 'of ',
        );
  return `a list${count}: ${describeAllowed(schema.element as z.ZodType)}`;
}

/** The form of a text is the message of its own pattern; a NUL satisfies none of them. */
function describeText(schema: z.ZodType): string {
  const issue = schema.safeParse('\0').error?.issues[0];
  if (issue?.code !== 'invalid_format') return 'a text';
  return issue.format === 'regex' ? issue.message : `a ${issue.format} text`;
}
