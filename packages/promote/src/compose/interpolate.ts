/** What a `${…}` expression needs from outside. */
export interface VariableSource {
  /** The value, `undefined` when the variable is not set. */
  lookup(name: string): string | undefined;
  /** A variable was read and is not set, and the expression has no default for it. */
  onUnset(name: string): void;
  /** `${NAME:?message}` or `${NAME?message}` of a variable that is not set. Its answer is the value. */
  onRequired(name: string, message: string): string;
  onInvalid(expression: string): void;
}

/** `${a:-${b:-${c}}}` deeper than this is refused. */
const nestingMax = 32;
const expansionCharsMax = 1_000_000;

/**
 * Replaces `$NAME`, `${NAME}` and its operators (`:-` `-` `:?` `?` `:+` `+`, nested) in a text, and turns `$$`
 * into `$`, as the Compose specification's interpolation chapter says. An expression that cannot be read stays
 * as it is and is reported.
 */
export function interpolate(text: string, source: VariableSource, depth = 0): string {
  if (!text.includes('$')) return text;
  if (depth > nestingMax) {
    source.onInvalid(text.slice(0, 80));
    return text;
  }
  let result = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1) {
      result += text.slice(at);
      break;
    }
    result += text.slice(at, dollar);
    const { value, next } = expression(text, dollar, source, depth);
    result += value;
    at = next;
    if (result.length > expansionCharsMax) {
      source.onInvalid(text.slice(0, 80));
      return result;
    }
  }
  return result;
}

function expression(
  text: string,
  dollar: number,
  source: VariableSource,
  depth: number,
): { value: string; next: number } {
  if (text[dollar + 1] === '$') return { value: '$', next: dollar + 2 };
  const bare = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text.slice(dollar + 1, dollar + 257))?.[0];
  if (bare !== undefined) return { value: plain(bare, source), next: dollar + 1 + bare.length };
  const end = text[dollar + 1] === '{' ? closingBrace(text, dollar + 2) : -1;
  if (end === -1) {
    source.onInvalid(text.slice(dollar, dollar + 40));
    return { value: '$', next: dollar + 1 };
  }
  return { value: braced(text.slice(dollar + 2, end), source, depth), next: end + 1 };
}

/** Where the brace that was opened just before `from` closes, or -1. */
function closingBrace(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '$' && text[at + 1] === '{') {
      open++;
      at++;
    } else if (text[at] === '}') {
      open--;
      if (open === 0) return at;
    }
  }
  return -1;
}

function plain(name: string, source: VariableSource): string {
  const value = source.lookup(name);
  if (value === undefined) source.onUnset(name);
  return value ?? '';
}

function braced(body: string, source: VariableSource, depth: number): string {
  const parts = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([\s\S]*))?$/.exec(body);
  const name = parts?.[1];
  if (parts === null || name === undefined) {
    source.onInvalid(`\${${body.slice(0, 60)}}`);
    return `\${${body}}`;
  }
  const operator = parts[2];
  const word = parts[3] ?? '';
  if (operator === undefined) return plain(name, source);
  const value = source.lookup(name);
  const isGiven = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  const expand = (): string => interpolate(word, source, depth + 1);
  if (operator.endsWith('+')) return isGiven ? expand() : '';
  if (isGiven) return value ?? '';
  return operator.endsWith('-') ? expand() : source.onRequired(name, expand());
}
