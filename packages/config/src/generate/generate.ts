import type { Plan } from '../plan/plan.ts';
import type { Config } from '../schema/schema.ts';
import { generateComposeOverride } from './compose-override.ts';
import { generateDotenv } from './dotenv.ts';
import { generateEngineOptions } from './engine-options.ts';
import type { GeneratedFile } from './file.ts';
import { generatePostgresqlConf } from './postgresql-conf.ts';
import type { StackSecrets } from './secrets.ts';

export interface GenerateOptions {
  readonly config: Config;
  readonly plan: Plan;
  /** Written into the files when given; otherwise references stand in their place. */
  readonly secrets?: StackSecrets;
}

/** Every file that follows from a configuration and its plan. Same input, same bytes. */
export function generate(options: GenerateOptions): GeneratedFile[] {
  return [
    ...generateDotenv(options),
    generateComposeOverride(options),
    ...generateEngineOptions(options),
    generatePostgresqlConf(options.config, options.plan),
  ];
}
