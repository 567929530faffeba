/** What names the server as a whole, beside any IP address. */
export const defaultBaseDomains: readonly string[] = [
  'localhost',
  'sls.localhost',
  'sls.local',
  'sls',
  'host.docker.internal',
];

export interface AddressOptions {
  /** Names at which the server itself is reached; one label in front of one of them is a project. */
  readonly baseDomains: readonly string[];
  /** Used where a request names no project (a CNAME, a client that cannot prefix). */
  readonly defaultProject?: string | undefined;
}

/** Region hosts of the cloud: `cn-hangzhou.log.aliyuncs.com`, its `-intranet`, `-share` and `-vpc` variants. */
const cloudHost = /^(?:(.+)\.)?[a-z0-9-]+\.(?:log|sls)\.aliyuncs\.com$/;
const ipv4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * The project that a host names, or `undefined` for the server itself. A host that matches no base domain is
 * taken as `{project}.{anything}`, because clients always put the project first; a single label is a server.
 *
 * @param host `Host` header or authority of an absolute request target, with or without port
 */
export function projectOfHost(host: string, options: AddressOptions): string | undefined {
  return labelOfHost(bareHost(host), options.baseDomains) ?? options.defaultProject;
}

/** Clients come with few hosts, and each names its project by several patterns. */
const hostsKept = 1000;

/** `projectOfHost` that remembers what it found. */
export function createProjectNames(options: AddressOptions): (host: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (host) => {
    if (known.has(host)) return known.get(host);
    const project = projectOfHost(host, options);
    if (known.size >= hostsKept) known.clear();
    known.set(host, project);
    return project;
  };
}

/** Lower case, without port and without the final dot of a full name. */
function bareHost(host: string): string {
  const lower = host.trim().toLowerCase();
  if (lower.startsWith('[')) return lower.slice(0, lower.indexOf(']') + 1);
  return lower.replace(/:\d*$/, '').replace(/\.$/, '');
}

function labelOfHost(host: string, baseDomains: readonly string[]): string | undefined {
  if (host === '' || host.startsWith('[') || ipv4.test(host) || baseDomains.includes(host)) return undefined;
  const cloud = cloudHost.exec(host);
  if (cloud !== null) return cloud[1]?.split('.')[0];
  const dot = host.indexOf('.');
  return dot <= 0 ? undefined : host.slice(0, dot);
}
