import type { Plan } from '../plan/plan.ts';
import type { ComponentName } from '../schema/components.ts';
import type { Config } from '../schema/schema.ts';
import { type StackSecrets, secretsOrReferences } from './secrets.ts';

/** Port at which a component finds its database: its own at the proxy, or PostgreSQL's. */
export function databasePortOf(config: Config, plan: Plan, component: ComponentName): number {
  const share = plan.proxy?.shares.find((candidate) => candidate.component === component);
  return share?.listenPort ?? config.postgres.port;
}

export interface DatabaseEnvironmentOptions {
  readonly config: Config;
  readonly plan: Plan;
  readonly component: ComponentName;
  readonly host: string;
  readonly secrets?: StackSecrets | undefined;
}

/** The variables with which a component reaches its database. */
export function databaseEnvironment(options: DatabaseEnvironmentOptions): Record<string, string> {
  const { config, plan, component, host, secrets } = options;
  const { databases, user } = config.postgres;
  return {
    DB_TYPE: 'postgresql',
    DB_HOST: host,
    DB_PORT: String(databasePortOf(config, plan, component)),
    DB_USERNAME: user,
    DB_PASSWORD: secretsOrReferences(secrets).postgresPassword,
    DB_DATABASE: component === 'pluginDaemon' ? databases.plugin : databases.dify,
  };
}
