import { type ComposeNode, child, type MapEntry, type MapNode, textOf } from './tree.ts';

/**
 * Lays a later Compose file over an earlier one, by the rules of the Compose specification's merge chapter: mappings
 * merge, sequences append, commands and tests are replaced, ports, volumes, secrets and configs merge by what
 * identifies them, `!reset` removes and `!override` replaces.
 */
export function mergeTrees(base: ComposeNode, over: ComposeNode, path: readonly string[] = []): ComposeNode {
  if (over.kind !== base.kind || over.kind === 'scalar') return alike(base, over, path) ?? over;
  if (over.tag === '!override') return over;
  if (over.kind === 'list' && base.kind === 'list') {
    if (isReplaced(path)) return over;
    const keyOf = identityOf(path);
    const later = new Set(over.items.map(keyOf));
    const kept = base.items.filter((item) => !later.has(keyOf(item)));
    return { ...over, items: [...kept, ...over.items] };
  }
  return over.kind === 'map' && base.kind === 'map' ? mergeMaps(base, over, path) : over;
}

function mergeMaps(base: MapNode, over: MapNode, path: readonly string[]): MapNode {
  const entries = new Map<string, MapEntry>(base.entries.map((entry) => [entry.key, entry]));
  for (const entry of over.entries) {
    const earlier = entries.get(entry.key);
    const isReset = entry.node.kind !== 'scalar' && entry.node.tag === '!reset';
    if (isReset) entries.delete(entry.key);
    else if (earlier === undefined) entries.set(entry.key, entry);
    else
      entries.set(entry.key, { ...entry, node: mergeTrees(earlier.node, entry.node, [...path, entry.key]) });
  }
  return { ...over, entries: [...entries.values()] };
}

/** `services.<name>.command`, `.entrypoint` and `.healthcheck.test` are replaced as a whole. */
function isReplaced(path: readonly string[]): boolean {
  const key = path.slice(2).join('.');
  return path[0] === 'services' && ['command', 'entrypoint', 'healthcheck.test'].includes(key);
}

/** A list and a mapping that mean the same (`environment`, `labels`, …) are merged as mappings. */
function alike(base: ComposeNode, over: ComposeNode, path: readonly string[]): ComposeNode | undefined {
  const key = path.slice(2).join('.');
  const isPairs = ['environment', 'labels', 'annotations', 'extra_hosts', 'sysctls', 'build.args'].includes(
    key,
  );
  const isNames = ['networks', 'depends_on'].includes(key);
  if (path[0] !== 'services' || (!isPairs && !isNames)) return undefined;
  const left = asMap(base);
  const right = asMap(over);
  return left === undefined || right === undefined ? undefined : mergeMaps(left, right, path);
}

/** A list of `NAME=value` or of names as a mapping, each entry at its item's position. */
export function asMap(node: ComposeNode): MapNode | undefined {
  if (node.kind === 'map') return node;
  if (node.kind !== 'list') return undefined;
  const entries = node.items.map((item): MapEntry => {
    const text = textOf(item) ?? '';
    const equals = text.search(/[=]/);
    const key = equals === -1 ? text : text.slice(0, equals);
    const value = equals === -1 ? null : text.slice(equals + 1);
    return {
      key,
      keyPosition: item.position,
      node: { kind: 'scalar', value, text: value ?? '', position: item.position },
    };
  });
  return { kind: 'map', entries, position: node.position };
}

/** What makes two items of a list the same item. */
function identityOf(path: readonly string[]): (item: ComposeNode) => string {
  const key = path[0] === 'services' ? path[2] : undefined;
  return (item) => {
    if (key === 'volumes' || key === 'secrets' || key === 'configs') {
      const target = textOf(child(item, 'target'));
      if (target !== undefined) return target;
      const text = textOf(item) ?? '';
      return key === 'volumes' ? (text.split(':')[1] ?? text) : text;
    }
    if (item.kind === 'scalar') return `scalar ${item.text}`;
    return JSON.stringify(item, (name, value: unknown) => (name === 'position' ? undefined : value));
  };
}
