import { sqlstates, WireError } from '@sampan/pg-wire';

/** Names PostgreSQL could know: letters, digits, underscore, and dots of extension settings. */
const settingName = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)*$/i;

const notSettings = new Set(['user', 'database', 'options', 'replication']);

/**
 * The settings a start-up packet asks for: its own parameters and those in `options`. A later one wins, and
 * the packet's own win over `options`, as in PostgreSQL.
 */
export function parseStartupSettings(parameters: ReadonlyMap<string, string>): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [name, value] of parseOptions(parameters.get('options') ?? '')) settings.set(name, value);
  for (const [name, value] of parameters) {
    if (notSettings.has(name)) continue;
    checkName(name);
    settings.set(name, value);
  }
  return settings;
}

/** Splits as `pg_split_opts` does: at white space, where a backslash protects the next character. */
function splitOptions(options: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < options.length; at++) {
    const character = options.charAt(at);
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      const isEscape = character === '\\' && at + 1 < options.length;
      word = (word ?? '') + (isEscape ? options.charAt(++at) : character);
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function* parseOptions(options: string): Generator<[string, string]> {
  const words = splitOptions(options);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    let assignment: string;
    if (word === '-c') assignment = words[++at] ?? '';
    else if (word.startsWith('-c')) assignment = word.slice(2);
    else if (word.startsWith('--')) assignment = word.slice(2);
    else throw optionsError(`"${word}" is not supported; use -c name=value`);
    const equals = assignment.indexOf('=');
    if (equals < 1) throw optionsError(`"${assignment}" requires a value`);
    const name = assignment.slice(0, equals).replaceAll('-', '_');
    checkName(name);
    yield [name, assignment.slice(equals + 1)];
  }
}

function checkName(name: string): void {
  if (settingName.test(name)) return;
  throw new WireError(sqlstates.undefinedObject, `unrecognized configuration parameter "${name}"`);
}

function optionsError(detail: string): WireError {
  return new WireError(sqlstates.invalidParameterValue, `invalid "options" in startup packet: ${detail}`);
}

/** PostgreSQL keeps application_name in ASCII and short (`pg_clean_ascii`, NAMEDATALEN - 1). */
export function cleanApplicationName(name: string): string {
  let clean = '';
  for (const byte of Buffer.from(name)) {
    clean +=
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return clean.slice(0, 63);
}
