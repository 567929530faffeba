import type { ComponentOptions } from '../options.ts';

/** What is known of a client when it is assigned. */
export interface ClientIdentity {
  /** The port of the proxy it connected to. */
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
}

/**
 * The name of a client's component: the one whose own port it came in by, else the first whose `match` agrees in
 * everything it says. `undefined`: none. A component without any condition matches nobody.
 */
export function assignComponent(
  identity: ClientIdentity,
  components: readonly Pick<ComponentOptions, 'name' | 'match'>[],
  portOwners: ReadonlyMap<number, string>,
): string | undefined {
  const owner = portOwners.get(identity.port);
  if (owner !== undefined) return owner;
  return components.find(({ match }) => {
    const conditions: [string | number | undefined, string | number][] = [
      [match.port, identity.port],
      [match.user, identity.user],
      [match.database, identity.database],
      [match.applicationName, identity.applicationName],
    ];
    const stated = conditions.filter(([want]) => want !== undefined);
    return stated.length > 0 && stated.every(([want, have]) => want === have);
  })?.name;
}
