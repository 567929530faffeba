import type { SignedRequest } from '@sampan/sls-wire';
import { slsErrors } from '@sampan/sls-wire';

/** A request whose head and body have been read. */
export interface SlsRequest extends SignedRequest {
  readonly requestId: string;
  /** The project that host or default name; `undefined` at the level of the account. */
  readonly project: string | undefined;
  readonly body: Buffer;
  readonly clientAddress: string | undefined;
}

/** A request target in its parts. */
export interface RequestTarget {
  /** Host and port of an absolute target (a request through a proxy setting). */
  readonly authority: string | undefined;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
}

/** Takes a request target apart: origin form or, from a client that takes us for its proxy, absolute form. */
export function parseTarget(target: string): RequestTarget {
  let rest = target;
  let authority: string | undefined;
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(target);
  if (absolute !== null) {
    authority = absolute[1] ?? '';
    rest = target.slice(absolute[0].length);
  }
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  return {
    authority,
    path: path === '' ? '/' : path,
    query: mark < 0 ? [] : parseQuery(rest.slice(mark + 1)),
  };
}

function parseQuery(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 0) pairs.push([decode(part), '']);
    else pairs.push([decode(part.slice(0, equals)), decode(part.slice(equals + 1))]);
  }
  return pairs;
}

/** Form decoding; broken escapes stay as they are. */
function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** A parameter's first value; an empty one counts as absent, because the npm client sends all it knows. */
export function parameter(request: Pick<SlsRequest, 'query'>, name: string): string | undefined {
  const found = request.query.find((pair) => pair[0] === name);
  return found === undefined || found[1] === '' ? undefined : found[1];
}

/** A whole number among the parameters. */
export function integerParameter(request: Pick<SlsRequest, 'query'>, name: string): number | undefined {
  const text = parameter(request, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw slsErrors.parameterInvalid(`The parameter ${name} must be an integer`);
  }
  return value;
}

/** `true`, `True` (Python) or `1`. */
export function booleanParameter(request: Pick<SlsRequest, 'query'>, name: string): boolean {
  return /^(true|1)$/i.test(parameter(request, name) ?? '');
}

/** `offset` and `size` of a list call. */
export function pageOf(request: Pick<SlsRequest, 'query'>): { offset: number; size: number } {
  const offset = integerParameter(request, 'offset') ?? 0;
  const size = integerParameter(request, 'size') ?? 100;
  if (offset < 0) throw slsErrors.parameterInvalid('The parameter offset must be a non-negative integer');
  if (size < 0) throw slsErrors.parameterInvalid('The parameter size must be a non-negative integer');
  return { offset, size: Math.min(size, 500) };
}

/** The body as a JSON object. Throws the vendor's `PostBodyInvalid`. */
export function jsonBody(request: Pick<SlsRequest, 'body'>): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(request.body.toString('utf8'));
  } catch {
    throw slsErrors.postBodyNotJson();
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw slsErrors.postBodyNotJson();
  return json as Record<string, unknown>;
}
