import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type YAMLMap,
} from 'yaml';
import type { ProblemList } from '../problem.ts';
import type { ComposeNode, ComposeTag, MapEntry, Position, Scalar } from './tree.ts';

export interface ComposeFile {
  /** How the file is named in reports. */
  readonly path: string;
  readonly text: string;
}

/** Bounds on one Compose file. Dify's own, the largest in use, has 77 KB, 4,000 expanded nodes, depth 6. */
export const composeLimits = { fileBytes: 2 * 1024 * 1024, nodes: 200_000, depth: 64 } as const;

/** Turns the text of one scalar into the value after interpolation. */
export type ScalarReader = (text: string, position: Position) => string;

interface Conversion {
  readonly file: string;
  readonly lines: LineCounter;
  readonly anchors: Map<string, Node>;
  readonly open: Set<Node>;
  readonly read: ScalarReader;
  readonly problems: ProblemList;
  nodes: number;
}

/** Raised inside this file only, to leave a conversion that has met a bound. */
class BoundReached extends Error {}

/** Raised inside this file only, by the tokens of a file that nests too deeply. */
class TooDeep extends Error {}

/** The parser holds up to two tokens per level, and the document. */
const parserDepthMax = 2 * composeLimits.depth + 8;

/**
 * Reads one Compose file into a tree in which aliases and `<<` are resolved and every key and value knows where it
 * stands. Answers `undefined`, with problems added, when the file is not YAML or exceeds a bound.
 */
export function parseComposeYaml(
  file: ComposeFile,
  read: ScalarReader,
  problems: ProblemList,
): ComposeNode | undefined {
  const bytes = Buffer.byteLength(file.text);
  if (bytes > composeLimits.fileBytes) {
    problems.add({
      code: 'PROMOTE_COMPOSE_TOO_LARGE',
      message: `${file.path} has ${bytes} bytes, the limit is ${composeLimits.fileBytes}`,
      hint: 'Name the Compose file itself; its data belongs into volumes or config files.',
    });
    return undefined;
  }
  const lines = new LineCounter();
  try {
    const composer = new Composer({ lineCounter: lines, logLevel: 'silent', merge: false });
    const [document, second] = composer.compose(boundedTokens(file.text, lines), true, file.text.length);
    if (document === undefined) return undefined;
    if (addSyntaxProblems(document, { file: file.path, lines, problems })) return undefined;
    if (second !== undefined) {
      problems.add({
        code: 'PROMOTE_COMPOSE_SYNTAX',
        message: 'the file holds several YAML documents',
        hint: 'Keep one document, or name several files with --compose.',
        position: positionAt(second.range[0], { file: file.path, lines }),
      });
      return undefined;
    }
    if (document.contents === null) return undefined;
    const conversion: Conversion = {
      file: file.path,
      lines,
      anchors: new Map(),
      open: new Set(),
      read,
      problems,
      nodes: 0,
    };
    return convert(document.contents as Node, conversion, 0);
  } catch (error) {
    if (error instanceof BoundReached) return undefined;
    if (error instanceof TooDeep) {
      problems.add(tooDeep(file.path));
      return undefined;
    }
    throw error;
  }
}

/**
 * The tokens of a file, as long as they nest reasonably. The composer behind it recurses once per level, and a hundred
 * thousand opening brackets would take the whole process down, not only throw.
 */
function* boundedTokens(text: string, lines: LineCounter): Generator<CST.Token, void> {
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > parserDepthMax) throw new TooDeep();
  }
  yield* parser.end();
}

function tooDeep(path: string): Parameters<ProblemList['add']>[0] {
  return {
    code: 'PROMOTE_COMPOSE_TOO_DEEP',
    message: `${path} is nested deeper than ${composeLimits.depth} levels`,
    hint: 'No Compose key needs that; check the indentation.',
  };
}

function addSyntaxProblems(
  document: Document,
  context: { file: string; lines: LineCounter; problems: ProblemList },
): boolean {
  for (const error of document.errors) {
    const { line, col } = context.lines.linePos(error.pos[0]);
    context.problems.add({
      code: 'PROMOTE_COMPOSE_SYNTAX',
      message: error.message.split('\n')[0] ?? error.message,
      hint: 'Correct the YAML at this place.',
      position: { file: context.file, line, column: col },
    });
  }
  return document.errors.length > 0;
}

function positionOf(node: { range?: readonly number[] | null }, conversion: Conversion): Position {
  return positionAt(node.range?.[0] ?? 0, conversion);
}

function positionAt(offset: number, place: { readonly file: string; readonly lines: LineCounter }): Position {
  const { line, col } = place.lines.linePos(offset);
  return { file: place.file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

function convert(node: Node | null, conversion: Conversion, depth: number): ComposeNode {
  if (++conversion.nodes > composeLimits.nodes) {
    conversion.problems.add({
      code: 'PROMOTE_COMPOSE_TOO_LARGE',
      message: `${conversion.file} expands to more than ${composeLimits.nodes} values`,
      hint: 'Aliases that contain aliases multiply; flatten them.',
    });
    throw new BoundReached();
  }
  if (depth > composeLimits.depth) {
    conversion.problems.add(tooDeep(conversion.file));
    throw new BoundReached();
  }
  if (isAlias(node)) return convertAlias(node, conversion, depth);
  if (node !== null && 'anchor' in node && typeof node.anchor === 'string') {
    conversion.anchors.set(node.anchor, node);
  }
  if (isMap(node)) return convertMap(node, conversion, depth);
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(item as Node, conversion, depth + 1));
    return { kind: 'list', items, position: positionOf(node, conversion), ...tagOf(node) };
  }
  return convertScalar(node, conversion);
}

function tagOf(node: Node): { tag?: ComposeTag } {
  return node.tag === '!reset' || node.tag === '!override' ? { tag: node.tag } : {};
}

function convertAlias(node: Node & { source: string }, conversion: Conversion, depth: number): ComposeNode {
  const target = conversion.anchors.get(node.source);
  const position = positionOf(node, conversion);
  if (target === undefined || conversion.open.has(target)) {
    conversion.problems.add({
      code: 'PROMOTE_COMPOSE_SYNTAX',
      message:
        target === undefined
          ? `the alias *${node.source} has no anchor before it`
          : `the alias *${node.source} stands inside the value it names`,
      hint: 'Define the anchor before its first use.',
      position,
    });
    return { kind: 'scalar', value: null, text: '', position };
  }
  return convert(target, conversion, depth + 1);
}

function convertScalar(node: Node | null, conversion: Conversion): ComposeNode {
  if (!isScalar(node)) {
    const position = { file: conversion.file, line: 1, column: 1 };
    return { kind: 'scalar', value: null, text: '', position };
  }
  const position = positionOf(node, conversion);
  const value = node.value;
  if (typeof value === 'string') {
    const text = conversion.read(value, position);
    return { kind: 'scalar', value: text, text, position };
  }
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const text = node.source ?? String(value);
    return { kind: 'scalar', value: text, text, position };
  }
  const scalar: Scalar = typeof value === 'number' || typeof value === 'boolean' ? value : null;
  return { kind: 'scalar', value: scalar, text: scalar === null ? '' : String(scalar), position };
}

function convertMap(node: YAMLMap, conversion: Conversion, depth: number): ComposeNode {
  conversion.open.add(node);
  const own = new Map<string, MapEntry>();
  const merged = new Map<string, MapEntry>();
  for (const pair of node.items as Pair<Node, Node | null>[]) {
    const keyPosition = positionOf(pair.key, conversion);
    const key = isScalar(pair.key) ? String(pair.key.value ?? '') : '';
    if (!isScalar(pair.key)) {
      conversion.problems.add({
        code: 'PROMOTE_COMPOSE_SHAPE',
        message: 'a key is not a text',
        position: keyPosition,
      });
      continue;
    }
    if (key === '<<' && pair.key.type === 'PLAIN') {
      for (const entry of mergeEntries(pair.value, conversion, depth + 1)) {
        if (!merged.has(entry.key)) merged.set(entry.key, entry);
      }
      continue;
    }
    own.set(key, { key, keyPosition, node: convert(pair.value, conversion, depth + 1) });
  }
  conversion.open.delete(node);
  const inherited = [...merged.values()].filter((entry) => !own.has(entry.key));
  return {
    kind: 'map',
    entries: [...inherited, ...own.values()],
    position: positionOf(node, conversion),
    ...tagOf(node),
  };
}

/** What `<<: *name` or `<<: [*a, *b]` brings in; of equal keys the first wins (YAML merge key type). */
function mergeEntries(value: Node | null, conversion: Conversion, depth: number): MapEntry[] {
  if (isSeq(value)) {
    return value.items.flatMap((item) => mergeEntries(item as Node, conversion, depth + 1));
  }
  const anchor = isAlias(value) ? value.source : undefined;
  const node = convert(value, conversion, depth);
  if (node.kind !== 'map') {
    conversion.problems.add({
      code: 'PROMOTE_COMPOSE_SHAPE',
      message: 'the value of << is not a mapping',
      position: node.position,
    });
    return [];
  }
  return node.entries.map((entry) => ({
    ...entry,
    ...(anchor === undefined ? {} : { anchor: entry.anchor ?? anchor }),
  }));
}
