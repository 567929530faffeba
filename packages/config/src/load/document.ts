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

/** A parsed file: its plain value, what YAML itself found wrong, and where each value stands. */
export interface SourceDocument {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Whether the place was read before the first syntax error; nothing behind it can be trusted. */
  isReliable(position: Position): boolean;
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
  const lines = new LineCounter();
  // Duplicates are looked for below, because the library names neither their path nor the first place.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
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
  const firstError =
    document.errors.length === 0 ? text.length + 1 : Math.min(...document.errors.map((e) => e.pos[0]));
  const reliableUntil = positionOf(firstError);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // Aliases that multiply without end, or one that names no anchor.
    return brokenSource(syntaxProblem(messageOf(error), { line: 1, column: 1 }));
  }
  return {
    value,
    problems: [...syntax, ...warnings, ...duplicateKeys(document.contents, [], positionOf)],
    isReliable: (position) => syntax.length === 0 || isBefore(position, reliableUntil),
    locate(path, part) {
      const offset = offsetOf(document, path, part);
      return offset === undefined ? undefined : positionOf(offset);
    },
  };
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

function isBefore(left: Position, right: Position): boolean {
  return left.line < right.line || (left.line === right.line && left.column < right.column);
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

function offsetOf(document: Document.Parsed, path: KeyPath, part: 'key' | 'value'): number | undefined {
  let node: Node = document.contents;
  let offset = node?.range[0];
  for (const [depth, segment] of path.entries()) {
    if (isAlias(node)) node = (node.resolve(document) ?? null) as Node;
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (pair === undefined) return undefined;
      const keyOffset = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
      node = pair.value as Node;
      offset = isLast && part === 'key' ? keyOffset : (node?.range?.[0] ?? keyOffset);
    } else if (isSeq(node)) {
      node = (node.items[Number(segment)] ?? null) as Node;
      if (node === null) return undefined;
      offset = node.range[0];
    } else return undefined;
  }
  return offset;
}
