import { syntaxError } from './pg-error.ts';
import type { Token } from './statement-lexer.ts';

/** SET, RESET, DISCARD ALL and SHOW. An absent name means all of them. */
export type SettingStatement =
  | { readonly kind: 'set'; readonly name: string; readonly value: string | undefined }
  | { readonly kind: 'ignored'; readonly tag: string }
  | { readonly kind: 'reset'; readonly name: string | undefined; readonly tag: string }
  | { readonly kind: 'show'; readonly name: string | undefined };

/** Names that are written as several words. */
const spelledOut = new Map([
  ['time zone', 'timezone'],
  ['transaction isolation level', 'transaction_isolation'],
  ['session authorization', 'session_authorization'],
]);

/** `SET [SESSION | LOCAL] name { TO | = } value, …` and the forms without a name. A value of DEFAULT is absent. */
export function parseSet(tokens: readonly Token[]): SettingStatement {
  let at = 1;
  const scope = wordAt(tokens, at);
  const isScoped = scope === 'session' || scope === 'local';
  if (isScoped && wordAt(tokens, at + 1) !== 'authorization') at += 1;
  const first = wordAt(tokens, at);
  // Isolation, deferred constraints and roles have nothing to act on.
  if (first === 'transaction' || first === 'characteristics' || first === 'constraints') {
    return { kind: 'ignored', tag: first === 'constraints' ? 'SET CONSTRAINTS' : 'SET' };
  }
  if (first === 'role' || first === 'session') return { kind: 'ignored', tag: 'SET' };
  if (first === 'names') return { kind: 'set', name: 'client_encoding', value: settingValue(tokens, at + 1) };
  if (first === 'time' && wordAt(tokens, at + 1) === 'zone') {
    const value = settingValue(tokens, at + 2);
    return { kind: 'set', name: 'timezone', value: value === 'local' ? undefined : value };
  }
  const name = nameAt(tokens, at);
  const sign = tokens[name.next];
  const isSign = sign?.text === '=' || (sign?.kind === 'word' && sign.text === 'to');
  if (!isSign) throw syntaxError(sign);
  return { kind: 'set', name: name.text, value: settingValue(tokens, name.next + 1) };
}

export function parseReset(tokens: readonly Token[]): SettingStatement {
  const { text } = longNameAt(tokens);
  return { kind: 'reset', name: text === 'all' ? undefined : text, tag: 'RESET' };
}

export function parseShow(tokens: readonly Token[]): SettingStatement {
  const { text } = longNameAt(tokens);
  return { kind: 'show', name: text === 'all' ? undefined : text };
}

/** The name after SHOW or RESET, which must end the statement. */
function longNameAt(tokens: readonly Token[]): { readonly text: string } {
  const words = tokens.slice(1).map((token) => token.text);
  const known = spelledOut.get(words.join(' '));
  if (known !== undefined) return { text: known };
  const name = nameAt(tokens, 1);
  if (tokens[name.next] !== undefined) throw syntaxError(tokens[name.next]);
  return name;
}

/** `name` or `extension.name`. */
function nameAt(tokens: readonly Token[], at: number): { readonly text: string; readonly next: number } {
  const first = tokens[at];
  if (first?.kind !== 'word' && first?.kind !== 'name') throw syntaxError(first);
  const second = tokens[at + 2];
  if (tokens[at + 1]?.text !== '.') return { text: first.text, next: at + 1 };
  if (second?.kind !== 'word' && second?.kind !== 'name') throw syntaxError(second);
  return { text: `${first.text}.${second.text}`, next: at + 3 };
}

/** The value up to the statement's end; several are a list. */
function settingValue(tokens: readonly Token[], from: number): string | undefined {
  const parts = tokens.slice(from);
  if (parts.length === 0) throw syntaxError(undefined);
  const sole = parts[0];
  if (parts.length === 1 && sole?.kind === 'word' && sole.text === 'default') return undefined;
  return parts.map((token) => (token.text === ',' ? ', ' : token.text)).join('');
}

function wordAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  return token?.kind === 'word' ? token.text : undefined;
}
