import type { Role } from './roles.ts';
import type { SecretKind } from './vault.ts';

export interface NamedSecret {
  readonly slot: string;
  readonly description: string;
  readonly kind: SecretKind;
}

export const databasePassword: NamedSecret = {
  slot: 'DatabasePassword',
  description: 'Password of the PostgreSQL account',
  kind: 'password',
};
export const redisPassword: NamedSecret = {
  slot: 'RedisPassword',
  description: 'Password of Redis; letters and digits only, because it stands in URLs',
  kind: 'password',
};
const key = (slot: string, description: string): NamedSecret => ({ slot, description, kind: 'key' });
const sandboxKey = key('SandboxApiKey', 'Key between Dify and its sandbox');
const daemonKey = key('PluginDaemonKey', 'Key with which Dify calls the plugin daemon');
const innerKey = key('PluginInnerApiKey', 'Key with which the plugin daemon calls Dify');
const weaviateKey = key('WeaviateApiKey', 'Key between Dify and Weaviate');

/** Secrets that both ends of a connection inside Dify must share, by the variable that carries them. */
const byVariable: Readonly<Record<string, NamedSecret>> = {
  SECRET_KEY: key('SecretKey', 'Signs sessions and encrypts credentials that Dify keeps in its database'),
  DB_PASSWORD: databasePassword,
  REDIS_PASSWORD: redisPassword,
  CODE_EXECUTION_API_KEY: sandboxKey,
  PLUGIN_DAEMON_KEY: daemonKey,
  INNER_API_KEY_FOR_PLUGIN: innerKey,
  PLUGIN_DIFY_INNER_API_KEY: innerKey,
  DIFY_INNER_API_KEY: innerKey,
  WEAVIATE_API_KEY: weaviateKey,
  WEAVIATE_AUTHENTICATION_APIKEY_ALLOWED_KEYS: weaviateKey,
};

/** Variables whose name says too little without the service. */
const byRole: Partial<Record<Role, Readonly<Record<string, NamedSecret>>>> = {
  sandbox: { API_KEY: sandboxKey },
  pluginDaemon: { SERVER_KEY: daemonKey },
  postgres: { POSTGRES_PASSWORD: databasePassword },
  redis: { REDISCLI_AUTH: redisPassword, REDIS_PASSWORD: redisPassword },
  vector: { AUTHENTICATION_APIKEY_ALLOWED_KEYS: weaviateKey },
};

/** The secret of Dify that a variable carries, or `undefined`. */
export function namedSecret(variable: string, role: Role, isDify: boolean): NamedSecret | undefined {
  const own = byRole[role];
  if (own !== undefined && Object.hasOwn(own, variable)) return own[variable];
  return isDify && Object.hasOwn(byVariable, variable) ? byVariable[variable] : undefined;
}
