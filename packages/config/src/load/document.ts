import { messageOf } from '@sampan/base';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
} from 'yaml';
import { formatPath } from '../diagnostics.ts';
import type { KeyPath, Position, Problem } from '../problem.ts';

const textBytesMax = 1_048_576;
/** Deepest nesting that is read; options stand at most seven deep. */
const depthMax = 100;

/** A parsed file: its plain value, what YAML itself found wrong, and where each value stands. */
export interface SourceDocument {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Whether the key or value was read before the first syntax error; nothing behind or around it can be trusted. */
  isReliable(path: KeyPath, part: 'key' | 'value'): boolean;
  /** Place of a key, or of its value. Undefined when the file does not contain the path. */
  locate(path: KeyPath, part: 'key' | 'value'): Position | undefined;
}

type Node = ParsedNode | null;

/** Reads YAML without throwing; positions count from 1. */
export function parseSource(text: string): SourceDocument {
  if (text.length > textBytesMax) {
    return brokenSource({
      code: 'CONFIG_TOO_LARGE',
      severity: 'error',
      path: [],
      message: `the file has ${text.length} characters; at most ${textBytesMax} are read`,
    });
  }
  const tooDeep = firstTooDeep(text);
  if (tooDeep !== undefined) {
    const message = `more than ${depthMax} sections stand inside one another`;
    return brokenSource({ code: 'CONFIG_TOO_DEEP', severity: 'error', path: [], message, position: tooDeep });
  }
  const lines = new LineCounter();
  // Duplicates are looked for below, because the library names neither their path nor the first place.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const syntax = document.errors.map((error) =>
    syntaxProblem(
      error.code === 'MULTIPLE_DOCS' ? 'a second document begins here' : error.message,
      positionOf(error.pos[0]),
    ),
  );
  const warnings = document.warnings.map(
    (warning): Problem => ({
      ...syntaxProblem(warning.message, positionOf(warning.pos[0])),
      severity: 'warning',
    }),
  );
  const firstError = Math.min(...document.errors.map((error) => error.pos[0]));
  let value: unknown;
  try {
    value = unshared(document.toJS({ maxAliasCount: 100 }), []);
  } catch (error) {
    // Aliases that multiply without end, that name no anchor, or that stand inside their own.
    return brokenSource(syntaxProblem(messageOf(error), { line: 1, column: 1 }));
  }
  return {
    value,
    problems: [...syntax, ...warnings, ...duplicateKeys(document.contents, [], positionOf)],
    isReliable(path, part) {
      if (syntax.length === 0) return true;
      const span = spanOf(document, path, part);
      return span !== undefined && span.end < firstError;
    },
    locate(path, part) {
      const span = spanOf(document, path, part);
      return span && positionOf(span.start);
    },
  };
}

/**
 * The first place nested too deeply. It is looked for before the library parses, because its recursion ends in an
 * abort of the whole process rather than in an exception. Brackets in texts are counted too, which does no harm.
 */
function firstTooDeep(text: string): Position | undefined {
  let brackets = 0;
  for (const [index, line] of text.split('\n').entries()) {
    // Every level of a block takes a column at least: a blank, or the mark of a list entry or key.
    const indentation = line.search(/[^\s?:-]/);
    if (indentation > 2 * depthMax || (indentation === -1 && line.length > 2 * depthMax))
      return { line: index + 1, column: 1 };
    for (let at = 0; at < line.length; at += 1) {
      const character = line[at];
      if (character === '[' || character === '{') brackets += 1;
      else if (character === ']' || character === '}') brackets = Math.max(0, brackets - 1);
      if (brackets > depthMax) return { line: index + 1, column: at + 1 };
    }
  }
  return undefined;
}

/** A copy in which aliases are independent of their anchors, so that changing one place changes no other. */
function unshared(value: unknown, around: readonly unknown[]): unknown {
  if (around.includes(value)) throw new Error('an alias stands inside its own anchor');
  if (Array.isArray(value)) return value.map((item) => unshared(item, [...around, value]));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(value)) {
    // Assignment would not create a key of the name `__proto__`.
    Object.defineProperty(copy, key, {
      value: unshared(child, [...around, value]),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}

function brokenSource(problem: Problem): SourceDocument {
  return { value: undefined, problems: [problem], isReliable: () => false, locate: () => undefined };
}

function syntaxProblem(message: string, position: Position): Problem {
  const [firstLine = message] = message.split('\n');
  return {
    code: 'CONFIG_YAML_SYNTAX',
    severity: 'error',
    path: [],
    message: `not YAML: ${firstLine}`,
    position,
  };
}

function duplicateKeys(node: Node, path: KeyPath, positionOf: (offset: number) => Position): Problem[] {
  if (isSeq(node)) {
    return node.items.flatMap((item, index) => duplicateKeys(item as Node, [...path, index], positionOf));
  }
  if (!isMap(node)) return [];
  const seen = new Map<unknown, Position>();
  const problems: Problem[] = [];
  for (const { key, value } of node.items) {
    if (!isScalar(key)) continue;
    const keyPath = [...path, String(key.value)];
    const position = positionOf(key.range?.[0] ?? 0);
    const first = seen.get(key.value);
    if (first === undefined) seen.set(key.value, position);
    else {
      const message = `${formatPath(keyPath)} stands twice; the first is in line ${first.line}`;
      problems.push({ code: 'CONFIG_DUPLICATE_KEY', severity: 'error', path: keyPath, message, position });
    }
    problems.push(...duplicateKeys(value as Node, keyPath, positionOf));
  }
  return problems;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function spanOf(document: Document.Parsed, path: KeyPath, part: 'key' | 'value'): Span | undefined {
  let node: Node = document.contents;
  let span = spanOfNode(node);
  for (const [depth, segment] of path.entries()) {
    if (isAlias(node)) node = (node.resolve(document) ?? null) as Node;
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (pair === undefined) return undefined;
      const key = spanOfNode(pair.key as Node);
      node = pair.value as Node;
      // An empty value is shown at its key; its own place is behind the end of the line.
      const isEmpty = isScalar(node) && node.value === null;
      span = (isLast && part === 'key') || isEmpty ? key : (spanOfNode(node) ?? key);
    } else if (isSeq(node)) {
      node = (node.items[Number(segment)] ?? null) as Node;
      if (node === null) return undefined;
      span = spanOfNode(node);
    } else return undefined;
  }
  return span;
}

function spanOfNode(node: Node): Span | undefined {
  return node?.range == null ? undefined : { start: node.range[0], end: node.range[1] };
}
