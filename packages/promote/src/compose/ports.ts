import { type ComposeNode, child, type Position, pathOf, textOf } from './tree.ts';

export interface PortMapping {
  readonly target: number;
  readonly published: number | undefined;
  readonly hostIp: string | undefined;
  readonly protocol: 'tcp' | 'udp';
  readonly path: string;
  readonly position: Position;
}

/** More ports than this in one range are not opened one by one. */
const rangeMax = 64;

/**
 * The ports of a service, short and long form, ranges written out. `onInvalid` hears of items that cannot be read.
 */
export function readPorts(
  node: ComposeNode | undefined,
  path: string,
  onInvalid: (item: ComposeNode, text: string) => void,
): PortMapping[] {
  if (node?.kind !== 'list') return [];
  return node.items.flatMap((item, at) => {
    const place = { path: pathOf(path, at), position: item.position };
    const parsed = item.kind === 'map' ? longForm(item) : shortForm(textOf(item) ?? '');
    if (parsed === undefined) {
      onInvalid(item, textOf(item) ?? 'a port mapping');
      return [];
    }
    return parsed.map((port) => ({ ...port, ...place }));
  });
}

type Parsed = Omit<PortMapping, 'path' | 'position'>;

function longForm(item: ComposeNode): Parsed[] | undefined {
  const targets = range(textOf(child(item, 'target')));
  const published = range(textOf(child(item, 'published')));
  if (targets === undefined) return undefined;
  const protocol = textOf(child(item, 'protocol')) === 'udp' ? 'udp' : 'tcp';
  const hostIp = textOf(child(item, 'host_ip'));
  return targets.map((target, at) => ({ target, published: published?.[at], hostIp, protocol }));
}

/** `[ip:][published:]target[/protocol]`, with ranges and an IPv6 address in brackets. */
function shortForm(text: string): Parsed[] | undefined {
  const parts = /^(?:(\[[0-9a-fA-F:]+\]|\d+\.\d+\.\d+\.\d+):)?(?:([\d-]*):)?([\d-]+)(?:\/(tcp|udp))?$/.exec(
    text,
  );
  const targets = range(parts?.[3]);
  if (parts === null || targets === undefined) return undefined;
  const published = range(parts[2] === '' ? undefined : parts[2]);
  if (parts[2] !== undefined && parts[2] !== '' && published === undefined) return undefined;
  const protocol = parts[4] === 'udp' ? 'udp' : 'tcp';
  return targets.map((target, at) => ({ target, published: published?.[at], hostIp: parts[1], protocol }));
}

function range(text: string | undefined): number[] | undefined {
  const parts = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text ?? '');
  if (parts === null) return undefined;
  const first = Number(parts[1]);
  const last = Number(parts[2] ?? parts[1]);
  if (first > last || last > 65_535 || last - first >= rangeMax || first === 0) return undefined;
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
