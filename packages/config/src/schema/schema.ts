import { z } from 'zod';
import { componentsSchema } from './components.ts';
import { option } from './option.ts';
import { pgproxySchema, postgresSchema } from './postgres.ts';
import { slsSchema } from './sls.ts';
import { loadSchema, targetSchema } from './targets.ts';

/** The one schema of `sampan.yaml`: types, defaults, editor schema and the manual's table come from it. */
export const configSchema = z.strictObject({
  name: option(
    z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,30}$/, 'a lower-case letter, then up to 30 letters, digits and -')
      .default('dify'),
    {
      description: 'Name of the system; it labels what is made.',
    },
  ),
  dify: z
    .strictObject({
      version: option(
        z
          .string()
          .regex(/^\d+\.\d+\.\d+$/, 'three numbers such as 1.13.3')
          .default('1.13.3'),
        { description: 'Dify release.' },
      ),
    })
    .prefault({}),
  load: loadSchema.prefault({}),
  components: componentsSchema.prefault({}),
  postgres: postgresSchema.prefault({}),
  pgproxy: pgproxySchema.prefault({}),
  sls: slsSchema.prefault({}),
  targets: option(
    z
      .record(
        z
          .string()
          .regex(/^[a-z][a-z0-9-]{0,30}$/, 'a lower-case letter, then up to 30 letters, digits and -'),
        targetSchema.prefault({}),
      )
      .default(() => ({})),
    { description: 'Places to promote to, by name.' },
  ),
});

/** A complete configuration: every default filled in. */
export type Config = z.output<typeof configSchema>;

/** What a file may contain. */
export type ConfigInput = z.input<typeof configSchema>;

export type TargetConfig = Config['targets'][string];

/** The configuration of an empty file. */
export function defaultConfig(input: ConfigInput = {}): Config {
  return configSchema.parse(input);
}
