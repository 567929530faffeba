/** State that lives in one PostgreSQL session and would be lost, or met by somebody else, between transactions. */
export type PinReason =
  | 'session'
  | 'listen'
  | 'temporary table'
  | 'advisory lock'
  | 'hold cursor'
  | 'prepare'
  | 'set';

/** A SET or RESET that stands alone: the proxy can carry it from server to server by itself. */
export interface SettingChange {
  /** `undefined`: every setting (RESET ALL). */
  readonly name: string | undefined;
  /** `undefined`: back to what the session started with. */
  readonly value: string | undefined;
}

/** What a statement does to its session. */
export interface SessionEffect {
  readonly reason: PinReason;
  /** For SET: the setting. A name without `change` is one whose value the proxy cannot carry. */
  readonly settingName?: string;
  readonly change?: SettingChange;
}

/** A text is looked at up to here. */
const scanBytesMax = 8 * 1024;
const leadingComments = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)+/;

const rules: readonly [RegExp, PinReason][] = [
  [/^listen\b/i, 'listen'],
  [/^prepare\s+(?!transaction\b)/i, 'prepare'],
  [/^declare\b[\s\S]*\bwith\s+hold\b/i, 'hold cursor'],
  [
    /^create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?\b(?![\s\S]*\bon\s+commit\s+drop\b)/i,
    'temporary table',
  ],
];
const advisoryLock = /advisory_lock/i;
const assignment =
  /^set\s+(?:session\s+)?(?:(time\s+zone\b|names\b)|([a-z_][\w$.]*)\s*(?:=|\bto\b))\s*(?:(default)|'((?:[^'\\]|'')*)'|([-+]?[\d.]+|[a-z_]\w*))$/i;
const settingName = /^set\s+(?:session\s+)?([a-z_][\w$.]*)/i;
const role = /^set\s+(?:session\s+)?role\s+(?:'((?:[^'\\]|'')*)'|([a-z_]\w*))$/i;
const reset = /^reset\s+(?:(all)|([a-z_][\w$.]*))$/i;

/**
 * What the statement text in `buffer[from, to)`, up to its zero byte, leaves behind in its session, `undefined` for nothing. One pass over
 * the bytes decides for nearly all statements; only candidates become text. Function calls hidden in views or
 * procedures, SELECT INTO TEMP and set_config() are not seen.
 */
export function sessionEffectOf(buffer: Buffer, from: number, to: number): SessionEffect | undefined {
  const end = Math.min(to, from + scanBytesMax);
  if (!isCandidate(buffer, from, end)) return undefined;
  const zero = buffer.indexOf(0, from);
  const parts = buffer
    .toString('utf8', from, zero === -1 ? end : Math.min(end, zero))
    .split(';')
    .map((part) => part.replace(leadingComments, '').trimEnd())
    .filter((part) => part !== '');
  for (const part of parts) {
    const effect = effectOfPart(part, parts.length === 1);
    if (effect !== undefined) return effect;
  }
  return undefined;
}

function isCandidate(buffer: Buffer, from: number, end: number): boolean {
  if (isInterestingStart(buffer, from)) return true;
  for (let at = from; at < end; at++) {
    const byte = buffer[at];
    if (byte === 0) return false;
    // Several statements, or `advisory_lock`.
    if (byte === 0x3b && end - at > 1 && buffer[at + 1] !== 0) return true;
    if (byte === 0x5f && isLetter(buffer[at - 1], 0x79) && isLetter(buffer[at + 1], 0x6c)) return true;
  }
  return false;
}

const isLetter = (byte: number | undefined, lower: number): boolean => ((byte ?? 0) | 0x20) === lower;

/** LISTEN, PREPARE, DECLARE, CREATE, SET, RESET, a comment or white space; not SELECT or DELETE. */
function isInterestingStart(buffer: Buffer, from: number): boolean {
  const first = (buffer[from] ?? 0) | 0x20;
  switch (first) {
    case 0x6c: // l
      return isLetter(buffer[from + 1], 0x69);
    case 0x70: // p
    case 0x72: // r
      return true;
    case 0x63: // c
      return isLetter(buffer[from + 1], 0x72);
    case 0x64: // d
      return isLetter(buffer[from + 2], 0x63);
    case 0x73: // s
      return isLetter(buffer[from + 2], 0x74);
    default:
      // White space, `-` and `/`.
      return (buffer[from] ?? 0) <= 0x2f;
  }
}

function effectOfPart(part: string, isAlone: boolean): SessionEffect | undefined {
  for (const [pattern, reason] of rules) if (pattern.test(part)) return { reason };
  if (advisoryLock.test(part)) return { reason: 'advisory lock' };
  if (/^set\s/i.test(part)) return effectOfSet(part, isAlone);
  const match = isAlone ? reset.exec(part) : null;
  if (match === null) return undefined;
  return { reason: 'set', change: { name: match[2]?.toLowerCase(), value: undefined } };
}

function effectOfSet(part: string, isAlone: boolean): SessionEffect | undefined {
  if (/^set\s+(?:local|constraints|transaction)\b/i.test(part)) return undefined;
  if (/^set\s+session\s+characteristics\b/i.test(part)) return { reason: 'set' };
  if (/^set\s+session\s+authorization\b/i.test(part)) {
    return { reason: 'set', settingName: 'session_authorization' };
  }
  const asRole = role.exec(part);
  if (asRole !== null) {
    const value = asRole[1]?.replaceAll("''", "'") ?? asRole[2]?.toLowerCase() ?? '';
    const change = { name: 'role', value };
    return isAlone ? { reason: 'set', settingName: 'role', change } : { reason: 'set', settingName: 'role' };
  }
  const match = assignment.exec(part);
  if (match === null || !isAlone) return { reason: 'set', settingName: nameOf(settingName.exec(part)?.[1]) };
  const [, phrase, plain, byDefault, quoted, bare] = match;
  const name = nameOf(phrase ?? plain);
  const value = byDefault === undefined ? (quoted?.replaceAll("''", "'") ?? bare ?? '') : undefined;
  return { reason: 'set', settingName: name, change: { name, value } };
}

function nameOf(word: string | undefined): string {
  const name = word?.toLowerCase() ?? '';
  if (name.startsWith('time')) return 'timezone';
  return name === 'names' ? 'client_encoding' : name === 'schema' ? 'search_path' : name;
}
