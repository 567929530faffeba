import type { ComposeService } from '../compose/model.ts';
import { databasePassword, redisPassword } from './dify-secrets.ts';
import type { Destination } from './rewrite.ts';
import type { Role } from './roles.ts';

/** Who runs a service after the promotion. */
export type Placement =
  | { readonly kind: 'application'; readonly name: string }
  | { readonly kind: 'rds' }
  | { readonly kind: 'redis' }
  | { readonly kind: 'tablestore' }
  | { readonly kind: 'none'; readonly reason: string };

export interface PlacementOptions {
  readonly services: readonly ComposeService[];
  readonly roles: ReadonlyMap<string, Role>;
  readonly isManaged: boolean;
  readonly isDify: boolean;
  readonly prefix: string;
}

/** Where each service goes. Of several PostgreSQL or Redis services the first becomes the managed one. */
export function placeServices(options: PlacementOptions): Map<string, Placement> {
  const placements = new Map<string, Placement>();
  const taken = new Set<string>();
  for (const service of options.services) {
    placements.set(service.name, place(service, options, taken));
  }
  return placements;
}

function place(service: ComposeService, options: PlacementOptions, taken: Set<string>): Placement {
  if (!service.isEnabled) {
    return { kind: 'none', reason: `no active profile of ${service.profiles.join(', ')}` };
  }
  const role = options.roles.get(service.name) ?? 'app';
  if (role === 'init') {
    return { kind: 'none', reason: 'prepares local directories once; the target has NAS directories' };
  }
  if (role === 'certificates') {
    return { kind: 'none', reason: 'the load balancer holds the certificate in the target' };
  }
  if (options.isManaged && (role === 'postgres' || role === 'redis') && !taken.has(role)) {
    taken.add(role);
    return { kind: role === 'postgres' ? 'rds' : 'redis' };
  }
  if (options.isManaged && options.isDify && role === 'vector') return { kind: 'tablestore' };
  return { kind: 'application', name: applicationName(options.prefix, service.name) };
}

/** `dify` and `plugin_daemon` → `dify-plugin-daemon`; the name is the private host name too. */
export function applicationName(prefix: string, service: string): string {
  const name = service
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return name === prefix || name.startsWith(`${prefix}-`) ? name : `${prefix}-${name}`;
}

/** The destination of every service name that a value may mention. */
export function destinationsOf(
  placements: ReadonlyMap<string, Placement>,
  roles: ReadonlyMap<string, Role>,
): Map<string, Destination> {
  const destinations = new Map<string, Destination>();
  for (const [service, placement] of placements) {
    const role = roles.get(service);
    switch (placement.kind) {
      case 'application': {
        const password =
          role === 'postgres' ? databasePassword : role === 'redis' ? redisPassword : undefined;
        destinations.set(service, {
          kind: 'application',
          host: placement.name,
          ...(password === undefined ? {} : { password }),
        });
        break;
      }
      case 'rds':
        destinations.set(service, { kind: 'rds', password: databasePassword });
        break;
      case 'redis':
        destinations.set(service, { kind: 'redis', password: redisPassword });
        break;
      case 'tablestore':
        destinations.set(service, { kind: 'gone', reason: 'Tablestore replaces it' });
        break;
      case 'none':
        destinations.set(service, { kind: 'gone', reason: placement.reason });
    }
  }
  return destinations;
}
