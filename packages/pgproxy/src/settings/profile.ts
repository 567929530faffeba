import type { SettingChange } from '../client/session-state.ts';

/**
 * Settings a server reports (ParameterStatus) and accepts in SET, so that the proxy both knows them and can
 * give them back to a client on another server.
 */
const restorableNames = [
  'application_name',
  'client_encoding',
  'DateStyle',
  'default_transaction_read_only',
  'IntervalStyle',
  'search_path',
  'session_authorization',
  'standard_conforming_strings',
  'TimeZone',
] as const;

const restorable = new Map<string, string>(restorableNames.map((name) => [name.toLowerCase(), name]));

/** The reported spelling of a restorable setting, or `undefined` for every other setting. */
export function reportedName(name: string): string | undefined {
  return restorable.get(name.toLowerCase());
}

/**
 * The settings of a session. Equal profiles are the same object (while the table holds them), so that
 * handing a server to a client costs one comparison.
 */
export interface Profile {
  /** Values as the server reports them. */
  readonly reported: ReadonlyMap<string, string>;
  /** Settings from the client's start-up packet that a server does not report. */
  readonly extras: ReadonlyMap<string, string>;
}

const profilesMax = 4096;

/** Makes profiles unique. */
export class ProfileTable {
  readonly #byKey = new Map<string, Profile>();

  intern(reported: ReadonlyMap<string, string>, extras: ReadonlyMap<string, string>): Profile {
    const key = `${keyOf(reported)}\n${keyOf(extras)}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    // A dropped profile that is still in use compares unequal by identity and equal by content: only slower.
    if (this.#byKey.size >= profilesMax) this.#byKey.clear();
    const profile: Profile = { reported: new Map(reported), extras: new Map(extras) };
    this.#byKey.set(key, profile);
    return profile;
  }

  /** `profile` with one reported value replaced. */
  with(profile: Profile, name: string, value: string): Profile {
    if (profile.reported.get(name) === value) return profile;
    return this.intern(new Map(profile.reported).set(name, value), profile.extras);
  }

  /** `profile` after a SET or RESET; what is reset returns to its value in `start`. */
  afterChange(profile: Profile, change: SettingChange, start: ReadonlyMap<string, string>): Profile {
    const { name, value } = change;
    if (name === undefined) return this.intern(profile.reported, start);
    return this.withExtra(profile, name, value ?? start.get(name));
  }

  /** `profile` with one unreported setting replaced, or removed when `value` is undefined. */
  withExtra(profile: Profile, name: string, value: string | undefined): Profile {
    if (profile.extras.get(name) === value) return profile;
    const extras = new Map(profile.extras);
    if (value === undefined) extras.delete(name);
    else extras.set(name, value);
    return this.intern(profile.reported, extras);
  }
}

function keyOf(settings: ReadonlyMap<string, string>): string {
  return JSON.stringify([...settings].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** SQL that turns a session with the settings `have` into one with `want`; empty when nothing differs. */
export function settingsSql(have: Profile, want: Profile): string {
  const resets: string[] = [];
  const sets: string[] = [];
  for (const name of have.extras.keys()) {
    if (!want.extras.has(name)) resets.push(`RESET ${quoteName(name)}`);
  }
  for (const [name, value] of want.extras) {
    if (have.extras.get(name) !== value) sets.push(setConfig(name, value));
  }
  for (const [name, value] of want.reported) {
    if (have.reported.get(name) !== value) sets.push(setConfig(name, value));
  }
  // set_config takes lists such as search_path as the server prints them, which SET does not.
  if (sets.length > 0) resets.push(`SELECT ${sets.join(', ')}`);
  return resets.join('; ');
}

function setConfig(name: string, value: string): string {
  return `pg_catalog.set_config(${quoteText(name)}, ${quoteText(value)}, false)`;
}

function quoteName(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

/** A literal of ASCII only: then it means the same under every client_encoding the server may be in. */
function quoteText(text: string): string {
  let escaped = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === "'" || character === '\\') escaped += character + character;
    else if (code >= 0x20 && code < 0x7f) escaped += character;
    else if (code <= 0xffff) escaped += `\\u${code.toString(16).padStart(4, '0')}`;
    else escaped += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return escaped === text ? `'${text}'` : `E'${escaped}'`;
}
