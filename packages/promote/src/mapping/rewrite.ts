import { getAtt, logicalId, ref, type TextPart } from '../template/ros.ts';
import type { NamedSecret } from './dify-secrets.ts';

/** Where the name of a Compose service leads after the promotion. */
export type Destination =
  | { readonly kind: 'application'; readonly host: string; readonly password?: NamedSecret }
  | { readonly kind: 'rds'; readonly password: NamedSecret }
  | { readonly kind: 'redis'; readonly password: NamedSecret }
  | { readonly kind: 'gone'; readonly reason: string };

export type Destinations = ReadonlyMap<string, Destination>;

export interface Rewritten {
  readonly parts: readonly TextPart[];
  readonly isChanged: boolean;
  /** Holds the password of a data store, so it belongs into a Secret. */
  readonly isSecret: boolean;
  /** Services it names that do not exist after the promotion. */
  readonly gone: readonly string[];
}

/** Resource names that the template emitter and the rewriting agree on. */
export const databaseResource = 'Database';
export const redisResource = 'Redis';

const hostVariable = /(^|_)(HOSTS?|HOSTNAME|ADDR|ADDRESS|SERVERS?|ENDPOINTS?|BROKERS?)$/;

/** The private name of a destination as parts of a text. */
export function hostParts(destination: Destination): TextPart[] {
  switch (destination.kind) {
    case 'application':
      return [destination.host];
    case 'rds':
      return [{ name: 'DatabaseHost', value: getAtt(databaseResource, 'InnerConnectionString') }];
    case 'redis':
      return [{ name: 'RedisHost', value: getAtt(redisResource, 'ConnectionDomain') }];
    case 'gone':
      return [];
  }
}

/** `scheme://user:password@host`, or `host:port` in a list of addresses. */
const addresses =
  /(?<scheme>[a-z][a-z0-9+.-]*:\/\/)(?:(?<user>[^:@/\s]*)(?::(?<password>[^@/\s]*))?@)?(?<host>[A-Za-z0-9_.-]+)|(?<![A-Za-z0-9_.@/-])(?<bare>[A-Za-z_][A-Za-z0-9_-]*)(?=:\d)/g;

/**
 * Follows the names of services in a value: in URLs, in `host:port`, and as the whole value of a variable whose name
 * says that it holds a host. Passwords of data stores in URLs become references to the generated ones.
 */
export function rewriteAddresses(
  variable: string,
  value: string,
  options: { readonly destinations: Destinations; readonly secretFor: (password: string) => string },
): Rewritten {
  const { destinations } = options;
  const gone: string[] = [];
  const whole = hostVariable.test(variable) ? destinations.get(value) : undefined;
  if (whole !== undefined) {
    if (whole.kind === 'gone') return { parts: [value], isChanged: false, isSecret: false, gone: [value] };
    return { parts: hostParts(whole), isChanged: true, isSecret: false, gone };
  }
  const parts: TextPart[] = [];
  let at = 0;
  let isSecret = false;
  let isChanged = false;
  for (const match of value.matchAll(addresses)) {
    const groups = match.groups ?? {};
    const name = groups['host'] ?? groups['bare'] ?? '';
    const destination = destinations.get(name);
    if (destination === undefined) continue;
    if (destination.kind === 'gone') {
      gone.push(name);
      continue;
    }
    isChanged = true;
    parts.push(value.slice(at, match.index), groups['scheme'] ?? '');
    at = match.index + match[0].length;
    const login = loginParts(groups, destination, options.secretFor);
    isSecret ||= login.isSecret;
    parts.push(...login.parts, ...hostParts(destination));
  }
  parts.push(value.slice(at));
  return { parts: parts.filter((part) => part !== ''), isChanged, isSecret, gone };
}

function loginParts(
  groups: Readonly<Record<string, string | undefined>>,
  destination: Exclude<Destination, { kind: 'gone' }>,
  secretFor: (password: string) => string,
): { parts: TextPart[]; isSecret: boolean } {
  const { user, password } = groups;
  if (user === undefined) return { parts: [], isSecret: false };
  const parts: TextPart[] = [];
  if (destination.kind === 'rds') parts.push({ name: 'DatabaseUser', value: ref('DatabaseUser') });
  else parts.push(user);
  if (password === undefined) return { parts: [...parts, '@'], isSecret: false };
  // A data store of the target always has a password, whatever the local one has.
  if (password === '' && destination.password === undefined)
    return { parts: [...parts, ':@'], isSecret: false };
  const slot = destination.password?.slot ?? secretFor(password);
  return { parts: [...parts, ':', { name: logicalId(slot), value: ref(slot) }, '@'], isSecret: true };
}
