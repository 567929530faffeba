import { type ComposeNode, child, type Position, pathOf, textOf } from './tree.ts';

export interface VolumeMount {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'other';
  /** Host path or volume name; `undefined` for an anonymous volume. */
  readonly source: string | undefined;
  readonly target: string;
  readonly readOnly: boolean;
  readonly path: string;
  readonly position: Position;
}

/** The mounts of a service, short and long form. `onInvalid` hears of items that cannot be read. */
export function readVolumes(
  node: ComposeNode | undefined,
  path: string,
  onInvalid: (item: ComposeNode, text: string) => void,
): VolumeMount[] {
  if (node?.kind !== 'list') return [];
  return node.items.flatMap((item, at) => {
    const parsed = item.kind === 'map' ? longForm(item) : shortForm(textOf(item) ?? '');
    if (parsed === undefined) {
      onInvalid(item, textOf(item) ?? 'a mount');
      return [];
    }
    return [{ ...parsed, path: pathOf(path, at), position: item.position }];
  });
}

type Parsed = Omit<VolumeMount, 'path' | 'position'>;

function longForm(item: ComposeNode): Parsed | undefined {
  const target = textOf(child(item, 'target'));
  if (target === undefined) return undefined;
  const type = textOf(child(item, 'type')) ?? 'volume';
  return {
    type: type === 'bind' || type === 'volume' || type === 'tmpfs' ? type : 'other',
    source: textOf(child(item, 'source')),
    target,
    readOnly: textOf(child(item, 'read_only')) === 'true',
  };
}

/** `[source:]target[:mode]`. A source that begins with `.`, `/` or `~` is a host path, any other a volume. */
function shortForm(text: string): Parsed | undefined {
  if (text === '') return undefined;
  const parts = text.split(':');
  const [first = '', second, mode = ''] = parts;
  if (second === undefined) {
    return { type: 'volume', source: undefined, target: first, readOnly: false };
  }
  if (second === '' || parts.length > 3 || !second.startsWith('/')) return undefined;
  return {
    type: /^[./~]/.test(first) ? 'bind' : 'volume',
    source: first,
    target: second,
    readOnly: mode.split(',').includes('ro'),
  };
}
