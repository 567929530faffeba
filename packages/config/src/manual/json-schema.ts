import { z } from 'zod';
import { configSchema } from '../schema/schema.ts';

/** The JSON Schema of `sampan.yaml` for editors, as the text of `sampan.schema.json`. */
export function renderJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    // Draft 7 is what editors support everywhere.
    target: 'draft-7',
    override({ jsonSchema }) {
      const { unit, description } = jsonSchema;
      if (typeof unit === 'string') {
        jsonSchema.description = `${description} (${unit})`;
        delete jsonSchema['unit'];
      }
    },
  });
  return `${JSON.stringify({ title: 'sampan.yaml', ...schema }, null, 2)}\n`;
}
