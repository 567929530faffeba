import { distance } from 'fastest-levenshtein';
import type { ComposeNode, MapNode, Position } from '../compose/tree.ts';
import { pathOf } from '../compose/tree.ts';
import { ruleFor, serviceKeys, topKeys, verdictOfRule } from './keys.ts';
import { itemOf, type Ledger, type ReportItem, type Verdict } from './verdict.ts';

export interface UnknownKey {
  readonly path: string;
  readonly key: string;
  readonly nearest: string | undefined;
  readonly position: Position;
}

export interface Coverage {
  readonly items: readonly ReportItem[];
  readonly unknownKeys: readonly UnknownKey[];
}

/** Lists that are one value together: the words of a command. */
const wholeLists = /^services\.[^.]+(\.[^.]+)*\.(command|entrypoint|test)$/;

/**
 * One report item for every key and list item of the input, in the order of the file: what the mapping said about
 * it, else what the table says, else what its parent got.
 */
export function coverTree(root: MapNode, ledger: Ledger): Coverage {
  const items: ReportItem[] = [];
  const unknownKeys: UnknownKey[] = [];
  const used = anchoredPositions(root);

  function visit(
    node: ComposeNode,
    path: string,
    steps: readonly (string | number)[],
    parent: Verdict,
  ): void {
    if (node.kind === 'scalar' || wholeLists.test(path)) return;
    const children =
      node.kind === 'map'
        ? node.entries.map((entry) => ({ step: entry.key, position: entry.keyPosition, node: entry.node }))
        : node.items.map((item, at) => ({ step: at, position: item.position, node: item }));
    for (const item of children) {
      const itemPath = pathOf(path, item.step);
      const itemSteps = [...steps, item.step];
      const verdict = verdictFor(itemPath, itemSteps, item.position, parent);
      items.push(itemOf(itemPath, item.position, verdict));
      visit(item.node, itemPath, itemSteps, verdict);
    }
  }

  function verdictFor(
    path: string,
    steps: readonly (string | number)[],
    position: Position,
    parent: Verdict,
  ): Verdict {
    if (String(steps[0]).startsWith('x-') || String(steps[2] ?? '').startsWith('x-')) {
      return extension(steps, used.has(keyOf(position)));
    }
    const known = ledger.get(path) ?? ledger.above(path);
    if (known !== undefined) return known;
    const rule = ruleFor(steps);
    if (rule !== undefined) return verdictOfRule(rule);
    const isServiceKey = steps[0] === 'services' && steps.length === 3;
    if (steps.length === 1 || isServiceKey) {
      const key = String(steps.at(-1));
      unknownKeys.push({
        path,
        key,
        nearest: nearestKey(key, isServiceKey ? serviceKeys : topKeys),
        position,
      });
      return { status: 'dropped', reason: 'not a key of Compose', advice: 'Correct or remove it.' };
    }
    return parent;
  }

  visit(root, '', [], { status: 'mapped', reason: 'the Compose file' });
  return { items, unknownKeys };
}

/** `x-` keys hold anchors; what a service uses is reported there, the rest goes nowhere. */
function extension(steps: readonly (string | number)[], isUsed: boolean): Verdict {
  if (steps.length === 1)
    return { status: 'mapped', reason: 'holds values that services merge in by anchor' };
  return isUsed
    ? { status: 'mapped', reason: 'merged into the services that name the anchor; reported there' }
    : { status: 'dropped', reason: 'no service takes this value from the anchor' };
}

const keyOf = (position: Position): string => `${position.file}:${position.line}:${position.column}`;

/** Where the entries stand that came into a service through an anchor. */
function anchoredPositions(root: MapNode): Set<string> {
  const used = new Set<string>();
  const visit = (node: ComposeNode): void => {
    if (node.kind === 'list') for (const item of node.items) visit(item);
    if (node.kind !== 'map') return;
    for (const entry of node.entries) {
      used.add(keyOf(entry.keyPosition));
      visit(entry.node);
    }
  };
  for (const entry of root.entries) if (!entry.key.startsWith('x-')) visit(entry.node);
  return used;
}

function nearestKey(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, far: distance(key, name) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(2, key.length / 3) ? best.name : undefined;
}
