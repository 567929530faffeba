import { interpolate, type VariableSource } from './interpolate.ts';

export interface EnvFile {
  readonly path: string;
  readonly text: string;
}

/** One variable of an env file, in the order of the file. */
export interface EnvEntry {
  readonly name: string;
  /** `undefined` for a line with a name only, which asks for the value of the surrounding environment. */
  readonly value: string | undefined;
  readonly line: number;
}

export interface EnvFileProblem {
  readonly line: number;
  readonly message: string;
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  $: '$$',
};

/**
 * Reads an env file: comments, `export`, single quotes (literal), double quotes (escapes and interpolation), values
 * without quotes (interpolation, ` #` begins a comment). Earlier lines are visible to later ones.
 */
export function parseEnvFile(
  text: string,
  variables: VariableSource,
): { entries: EnvEntry[]; problems: EnvFileProblem[] } {
  const entries: EnvEntry[] = [];
  const problems: EnvFileProblem[] = [];
  const seen = new Map<string, string>();
  const source: VariableSource = {
    ...variables,
    // The surrounding environment wins over the file, as Compose documents for `.env`.
    lookup: (name) => variables.lookup(name) ?? seen.get(name),
  };
  const body = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  let at = 0;
  let line = 1;
  while (at < body.length) {
    const parsed = parseLine(body, at, source);
    if (parsed.problem !== undefined) problems.push({ line, message: parsed.problem });
    if (parsed.name !== undefined) {
      entries.push({ name: parsed.name, value: parsed.value, line });
      if (parsed.value !== undefined) seen.set(parsed.name, parsed.value);
    }
    for (let c = at; c < parsed.next; c++) if (body[c] === '\n') line++;
    at = parsed.next;
  }
  return { entries, problems };
}

interface ParsedLine {
  readonly name?: string;
  readonly value?: string;
  readonly problem?: string;
  readonly next: number;
}

function parseLine(body: string, at: number, source: VariableSource): ParsedLine {
  const newline = body.indexOf('\n', at);
  const end = newline === -1 ? body.length : newline;
  const next = Math.min(end + 1, body.length);
  const line = body.slice(at, end);
  if (/^\s*(#|$)/.test(line)) return { next };
  const head = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*(?:([=:])[ \t]*)?/.exec(line);
  const name = head?.[1];
  if (head === null || name === undefined) {
    return { problem: `the line does not begin with a variable name: ${line.trim().slice(0, 40)}`, next };
  }
  if (head[2] === undefined) {
    return head[0].trimEnd().length === line.trimEnd().length
      ? { name, next }
      : { problem: `${name} is not followed by =`, next };
  }
  const start = at + head[0].length;
  const quote = body[start];
  if (quote === "'" || quote === '"') return quoted({ body, start, quote, name, source });
  const raw = line.slice(head[0].length);
  const comment = /(^|\s)#/.exec(raw);
  const value = (comment === null ? raw : raw.slice(0, comment.index)).trim();
  return { name, value: interpolate(value, source), next };
}

interface QuotedValue {
  readonly body: string;
  readonly start: number;
  readonly quote: string;
  readonly name: string;
  readonly source: VariableSource;
}

function quoted({ body, start, quote, name, source }: QuotedValue): ParsedLine {
  let value = '';
  for (let at = start + 1; at < body.length; at++) {
    const char = body[at] ?? '';
    if (char === quote) {
      const newline = body.indexOf('\n', at);
      const next = newline === -1 ? body.length : newline + 1;
      return { name, value: quote === '"' ? interpolate(value, source) : value, next };
    }
    const following = body[at + 1] ?? '';
    if (char === '\\' && quote === '"' && escapes[following] !== undefined) {
      value += escapes[following];
      at++;
    } else if (char === '\\' && quote === "'" && following === "'") {
      value += "'";
      at++;
    } else {
      value += char;
    }
  }
  return { problem: `the ${quote} that opens the value of ${name} is never closed`, next: body.length };
}
