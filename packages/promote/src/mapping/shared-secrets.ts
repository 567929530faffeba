import type { ComposeService } from '../compose/model.ts';
import { logicalId } from '../template/ros.ts';
import type { NamedSecret } from './dify-secrets.ts';
import type { Role } from './roles.ts';
import { isSecretVariable } from './secret-values.ts';
import { passwordPattern, type SecretKind } from './vault.ts';

/**
 * Finds out which variables carry the same secret. Compose has no names for secrets, only equal texts: two services
 * that must agree on a password hold the same text.
 */
export interface SharedSecrets {
  /** The secret that holds `value`; a first meeting names it after the variable. */
  secretFor(variable: string, value: string): NamedSecret;
  isDatabasePassword(value: string): boolean;
  isRedisPassword(value: string): boolean;
  /** Whether a secret of the input meets the rules of where it goes. */
  isUsable(value: string, kind: SecretKind): boolean;
}

export function createSharedSecrets(
  services: readonly ComposeService[],
  roles: ReadonlyMap<string, Role>,
): SharedSecrets {
  const byValue = new Map<string, NamedSecret>();
  const taken = new Set<string>();
  const database = passwordsOf(services, roles, 'postgres');
  const redis = passwordsOf(services, roles, 'redis');
  const users = countUsers(services);
  return {
    secretFor(variable, value) {
      const earlier = byValue.get(value);
      if (earlier !== undefined) return earlier;
      // The prefix keeps clear of the names of resources, of other parameters and of Dify's own secrets.
      const name = `Env${logicalId(variable.toLowerCase()).slice(0, 56)}`;
      let slot = name;
      for (let at = 2; taken.has(slot); at++) slot = `${name}${at}`;
      taken.add(slot);
      const secret: NamedSecret = {
        slot,
        description: `Secret of the variable ${variable}`,
        kind: (users.get(value) ?? 0) > 1 ? 'password' : 'external',
      };
      byValue.set(value, secret);
      return secret;
    },
    isDatabasePassword: (value) => database.has(value),
    isRedisPassword: (value) => redis.has(value),
    isUsable: (value, kind) => kind !== 'password' || new RegExp(passwordPattern).test(value),
  };
}

function passwordsOf(
  services: readonly ComposeService[],
  roles: ReadonlyMap<string, Role>,
  role: Role,
): ReadonlySet<string> {
  const values = services
    .filter((service) => roles.get(service.name) === role)
    .flatMap((service) => service.environment)
    .flatMap(({ name, value }) => (value !== null && isSecretVariable(name, value) ? [value] : []));
  return new Set(values);
}

function countUsers(services: readonly ComposeService[]): Map<string, number> {
  const users = new Map<string, number>();
  for (const service of services) {
    const values = service.environment.flatMap(({ name, value }) =>
      value !== null && isSecretVariable(name, value) ? [value] : [],
    );
    for (const value of new Set(values)) users.set(value, (users.get(value) ?? 0) + 1);
  }
  return users;
}
