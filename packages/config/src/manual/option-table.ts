import { z } from 'zod';
import { variableOf } from '../load/environment.ts';
import { describeAllowed } from '../schema/lookup.ts';
import { optionTextOf, unwrap } from '../schema/option.ts';
import { configSchema } from '../schema/schema.ts';

interface Row {
  readonly path: string;
  readonly allowed: string;
  readonly standard: string;
  readonly unit: string;
  readonly description: string;
}

/** The manual's table of options, one Markdown table per top-level section. Ends with a newline. */
export function renderOptionTable(): string {
  const tables = Object.entries(configSchema.shape).map(([key, schema]) => {
    const rows = rowsOf(schema as z.ZodType, key);
    const lines = rows.map(
      (row) =>
        `| ${[`\`${row.path}\``, row.allowed, row.standard, row.unit, row.description].map(cell).join(' | ')} |`,
    );
    return [
      `### ${key}`,
      '',
      '| option | allowed | default | unit | meaning |',
      '|---|---|---|---|---|',
      ...lines,
      '',
    ].join('\n');
  });
  const example = variableOf(['postgres', 'maxConnections']);
  const note = `Every option outside \`targets\` and \`sls.logstores\` that is a single value can also be set by a variable: \`${example}\`\nsets \`postgres.maxConnections\`, over the file.\n`;
  return `${tables.join('\n')}\n${note}`;
}

function rowsOf(schema: z.ZodType, path: string): Row[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, child]) =>
      rowsOf(child as z.ZodType, `${path}.${key}`),
    );
  }
  const row = rowOf(schema, path);
  if (inner instanceof z.ZodRecord) {
    const below = rowsOf(inner.valueType as z.ZodType, `${path}.NAME`);
    return [{ ...row, allowed: 'sections by name' }, ...below];
  }
  return [row];
}

function rowOf(schema: z.ZodType, path: string): Row {
  const { description, unit = '' } = optionTextOf(schema);
  return { path, allowed: describeAllowed(schema), standard: defaultOf(schema), unit, description };
}

function defaultOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodOptional) return '';
  const result = schema.safeParse(undefined);
  if (!result.success) return 'required';
  const value: unknown = result.data;
  if (typeof value !== 'object' || value === null) return `\`${String(value)}\``;
  const names = Array.isArray(value) ? [] : Object.keys(value);
  return names.length === 0 ? 'none' : names.map((name) => `\`${name}\``).join(', ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
