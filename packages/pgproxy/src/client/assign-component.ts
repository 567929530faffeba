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
 * everything it says, else the first that says nothing and has no port of its own. `undefined`: none.
 */
export function assignComponent(
  identity: ClientIdentity,
  components: readonly Pick<ComponentOptions, 'name' | 'match' | 'listenPort'>[],
  portOwners: ReadonlyMap<number, string>,
): string | undefined {
  const owner = portOwners.get(identity.port);
  if (owner !== undefined) return owner;
  const matching = components.find(({ match }) => {
    const conditions: [string | number | undefined, string | number][] = [
      [match.port, identity.port],
      [match.user, identity.user],
      [match.database, identity.database],
      [match.applicationName, identity.applicationName],
    ];
    const stated = conditions.filter(([want]) => want !== undefined);
    return stated.length > 0 && stated.every(([want, have]) => want === have);
  });
  const isForTheRest = ({ match, listenPort }: (typeof components)[number]): boolean =>
    listenPort === undefined && Object.values(match).every((condition) => condition === undefined);
  return (matching ?? components.find(isForTheRest))?.name;
}
