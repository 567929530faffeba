/** A place in a file the user wrote; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Scalar = string | number | boolean | null;

export interface ScalarNode {
  readonly kind: 'scalar';
  /** After interpolation. */
  readonly value: Scalar;
  /** The value as a container sees it in a variable: numbers and booleans as Compose prints them. */
  readonly text: string;
  readonly position: Position;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly ComposeNode[];
  readonly position: Position;
  readonly tag?: ComposeTag;
}

export interface MapEntry {
  readonly key: string;
  readonly keyPosition: Position;
  readonly node: ComposeNode;
  /** Name of the YAML anchor through which the entry came in by `<<`, when it did. */
  readonly anchor?: string;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
  readonly position: Position;
  readonly tag?: ComposeTag;
}

export type ComposeNode = ScalarNode | ListNode | MapNode;

/** Compose's own YAML tags, which steer how several files are merged. */
export type ComposeTag = '!reset' | '!override';

/** The entry of a mapping, if the node is a mapping and has it. */
export function entryOf(node: ComposeNode | undefined, key: string): MapEntry | undefined {
  return node?.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** The value under a key, if the node is a mapping and has it. */
export function child(node: ComposeNode | undefined, key: string): ComposeNode | undefined {
  return entryOf(node, key)?.node;
}

/** The text of a scalar that is not null. */
export function textOf(node: ComposeNode | undefined): string | undefined {
  return node?.kind === 'scalar' && node.value !== null ? node.text : undefined;
}

/** Joins a path the way the report prints it: `services.api.ports[0]`. */
export function pathOf(parent: string, step: string | number): string {
  if (typeof step === 'number') return `${parent}[${step}]`;
  return parent === '' ? step : `${parent}.${step}`;
}

/** Every node below `node` with its path, parents before children. The root itself has no item. */
export function* walk(
  node: ComposeNode,
  path = '',
): Generator<{ path: string; position: Position; node: ComposeNode; anchor?: string }> {
  if (node.kind === 'scalar') return;
  if (node.kind === 'list') {
    for (const [at, item] of node.items.entries()) {
      const itemPath = pathOf(path, at);
      yield { path: itemPath, position: item.position, node: item };
      yield* walk(item, itemPath);
    }
    return;
  }
  for (const entry of node.entries) {
    const entryPath = pathOf(path, entry.key);
    yield {
      path: entryPath,
      position: entry.keyPosition,
      node: entry.node,
      ...(entry.anchor === undefined ? {} : { anchor: entry.anchor }),
    };
    yield* walk(entry.node, entryPath);
  }
}
