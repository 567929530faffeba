import type { SearchNode, SearchValue } from './search-ast.ts';

const reserved = new Set([
  'and',
  'or',
  'not',
  'in',
  'sort',
  'asc',
  'desc',
  'avg',
  'sum',
  'min',
  'max',
  'limit',
]);

/** The canonical text of a search: parsing it gives the same tree again. */
export function printSearch(node: SearchNode): string {
  switch (node.kind) {
    case 'all':
      return '*';
    case 'and':
    case 'or':
      return node.items
        .map((item) => (isCompound(item) ? `(${printSearch(item)})` : printSearch(item)))
        .join(` ${node.kind} `);
    case 'not':
      return `not ${isCompound(node.item) ? `(${printSearch(node.item)})` : printSearch(node.item)}`;
    case 'term':
      return node.key === undefined
        ? printValue(node.value)
        : `${printKey(node.key.name)}: ${printValue(node.value)}`;
    case 'compare':
      return `${printKey(node.key.name)} ${node.operator} ${node.number}`;
    case 'range': {
      const open = node.isLowIncluded ? '[' : '(';
      const close = node.isHighIncluded ? ']' : ')';
      const isOpenEnded = node.low === '*' || node.high === '*';
      const separator = isOpenEnded ? ': ' : ' in ';
      return `${printKey(node.key.name)}${separator}${open}${node.low} ${node.high}${close}`;
    }
  }
}

function isCompound(node: SearchNode): boolean {
  return node.kind === 'and' || node.kind === 'or';
}

function printKey(name: string): string {
  const tag = /^__tag__:(.+)$/i.exec(name)?.[1];
  return tag !== undefined ? `__tag__:${printName(tag)}` : printName(name);
}

function printName(name: string): string {
  return /^[\w.\-/@]+$/.test(name) && !reserved.has(name.toLowerCase()) ? name : quote(name);
}

function printValue(value: SearchValue): string {
  if (value.kind === 'any') return '*';
  if (value.kind === 'phrase') return `#${quote(value.text)}`;
  // A word keeps its wildcards only without quotes, and quotes would take them away.
  if (value.kind === 'word') return value.text.replaceAll(/(["\\])/g, '\\$1');
  return quote(value.text);
}

function quote(text: string): string {
  return `"${text.replaceAll(/(["\\])/g, '\\$1')}"`;
}
