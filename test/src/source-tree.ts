import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'vite';

/** Root of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ImportStatement {
  readonly specifier: string;
  /** True when nothing of it is left at run time. */
  readonly isTypeOnly: boolean;
  readonly line: number;
}

export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

export interface SourceFile {
  /** Path from the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly ImportStatement[];
  readonly functions: readonly FunctionSpan[];
}

/** Files that git tracks or would track, from the root. */
export function trackedFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split('\0'))]
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .sort();
}

interface AstNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

function isNode(value: unknown): value is AstNode & Record<string, unknown> {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Every node below `node`, parents first, each with its parent. */
function* walk(
  node: unknown,
  parent?: Record<string, unknown>,
): Generator<{ node: AstNode & Record<string, unknown>; parent: Record<string, unknown> | undefined }> {
  if (Array.isArray(node)) {
    for (const item of node) yield* walk(item, parent);
  } else if (isNode(node)) {
    yield { node, parent };
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'type' && typeof value === 'object') yield* walk(value, node);
    }
  }
}

const importTypes = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
]);
const functionTypes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

function isTypeOnlyImport(node: Record<string, unknown>): boolean {
  if (node['importKind'] === 'type' || node['exportKind'] === 'type') return true;
  const specifiers = node['specifiers'];
  if (!Array.isArray(specifiers) || specifiers.length === 0) return false;
  return specifiers.every((s) => isNode(s) && (s['importKind'] === 'type' || s['exportKind'] === 'type'));
}

function nameOf(node: Record<string, unknown>, parent: Record<string, unknown> | undefined): string {
  for (const holder of [node['id'], parent?.['key'], parent?.['id']]) {
    if (isNode(holder) && typeof holder['name'] === 'string') return holder['name'];
  }
  return '(anonymous)';
}

/** Reads a TypeScript file and lists what it imports and how long its functions are. */
export function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const lineAt = (offset: number): number => starts.findLastIndex((start) => start <= offset) + 1;

  const imports: ImportStatement[] = [];
  const functions: FunctionSpan[] = [];
  for (const { node, parent } of walk(parseAst(text, { lang: path.endsWith('.tsx') ? 'tsx' : 'ts' }))) {
    const source = node['source'];
    if (importTypes.has(node.type) && isNode(source) && typeof source['value'] === 'string') {
      imports.push({
        specifier: source['value'],
        isTypeOnly: isTypeOnlyImport(node),
        line: lineAt(node.start),
      });
    }
    if (functionTypes.has(node.type)) {
      const line = lineAt(node.start);
      functions.push({ name: nameOf(node, parent), line, lines: lineAt(node.end) - line + 1 });
    }
  }
  return { path, text, lines: text.split('\n').length - 1, imports, functions };
}

/** The path from the root that a relative import names; `undefined` for a package. */
export function resolveRelative(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.')
    ? normalize(join(dirname(from), specifier)).replaceAll('\\', '/')
    : undefined;
}

/** Groups of files that import each other in a circle at run time (Tarjan's strongly connected components). */
export function importCycles(files: readonly SourceFile[]): string[][] {
  const edges = new Map<string, string[]>();
  for (const file of files) {
    const targets = file.imports
      .filter((statement) => !statement.isTypeOnly)
      .map((statement) => resolveRelative(file.path, statement.specifier))
      .filter((target) => target !== undefined);
    edges.set(file.path, targets);
  }
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];

  function visit(path: string): void {
    index.set(path, index.size);
    low.set(path, index.size - 1);
    stack.push(path);
    const lower = (to: number | undefined): void => {
      low.set(path, Math.min(low.get(path) ?? 0, to ?? Number.POSITIVE_INFINITY));
    };
    for (const target of edges.get(path) ?? []) {
      if (!edges.has(target)) continue;
      if (!index.has(target)) {
        visit(target);
        lower(low.get(target));
      } else if (stack.includes(target)) lower(index.get(target));
    }
    if (low.get(path) !== index.get(path)) return;
    const component = stack.splice(stack.indexOf(path));
    if (component.length > 1 || (edges.get(path) ?? []).includes(path)) cycles.push(component.sort());
  }
  for (const path of edges.keys()) if (!index.has(path)) visit(path);
  return cycles;
}
