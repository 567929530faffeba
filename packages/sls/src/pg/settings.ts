import { PgError } from './pg-error.ts';

/** What SHOW, current_setting() and ParameterStatus tell, in PostgreSQL's spelling of the names. */
export interface Settings {
  /** Throws 42704 for a name nobody has heard of. */
  get(name: string): { readonly name: string; readonly value: string };
  /**
   * Stores a value, `undefined` for the one the session began with, and returns the setting if its ParameterStatus
   * must be sent. Names without a meaning here are accepted and forgotten.
   */
  set(name: string, value: string | undefined): { name: string; value: string } | undefined;
  /** Back to the values of the session's start; returns what must be reported. */
  resetAll(): { name: string; value: string }[];
  all(): { readonly name: string; readonly value: string }[];
  /** What a new session is told. */
  reported(): { readonly name: string; readonly value: string }[];
}

export const serverVersion = '14.0';
/** Drivers read the number after the word PostgreSQL; SQLAlchemy fails without it. */
export const versionText = `PostgreSQL ${serverVersion} (SLS emulator)`;

/** Settings of which PostgreSQL sends a ParameterStatus (manual, 55.2.7). */
const reportedNames = [
  'application_name',
  'client_encoding',
  'DateStyle',
  'default_transaction_read_only',
  'in_hot_standby',
  'integer_datetimes',
  'IntervalStyle',
  'is_superuser',
  'server_encoding',
  'server_version',
  'session_authorization',
  'standard_conforming_strings',
  'TimeZone',
];

const defaults: Readonly<Record<string, string>> = {
  application_name: '',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
  client_min_messages: 'notice',
  DateStyle: 'ISO, MDY',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  extra_float_digits: '1',
  idle_in_transaction_session_timeout: '0',
  in_hot_standby: 'off',
  integer_datetimes: 'on',
  IntervalStyle: 'postgres',
  is_superuser: 'off',
  lock_timeout: '0',
  max_identifier_length: '63',
  search_path: '"$user", public',
  server_encoding: 'UTF8',
  server_version: serverVersion,
  server_version_num: '140000',
  session_authorization: '',
  standard_conforming_strings: 'on',
  statement_timeout: '0',
  TimeZone: 'UTC',
  transaction_isolation: 'read committed',
  transaction_read_only: 'off',
};

const canonicalNames = new Map(Object.keys(defaults).map((name) => [name.toLowerCase(), name]));

/** Fixed by what the emulator is; a SET of them would promise something that does not happen. */
const fixedNames = new Set([
  'in_hot_standby',
  'integer_datetimes',
  'is_superuser',
  'max_identifier_length',
  'server_encoding',
  'server_version',
  'server_version_num',
  'session_authorization',
]);

/** Accepted so that drivers get through their start, but never changed: results keep the form they have. */
const keptNames = new Set(['DateStyle', 'IntervalStyle', 'bytea_output', 'TimeZone']);

const valueLengthMax = 1_000;

/** The settings of one session. `own` are values the session begins with. */
export function createSettings(own: Readonly<Record<string, string>>): Settings {
  const initial = { ...defaults, ...own };
  let current: Record<string, string> = { ...initial };

  const pairOf = (name: string): { name: string; value: string } => ({ name, value: current[name] ?? '' });

  function set(name: string, value: string | undefined): { name: string; value: string } | undefined {
    const canonical = canonicalNames.get(name.toLowerCase());
    if (canonical === undefined) return undefined;
    if (fixedNames.has(canonical)) {
      throw new PgError('55P02', `parameter "${canonical}" cannot be changed`);
    }
    const next = value === undefined ? (initial[canonical] ?? '') : checked(canonical, value);
    if (keptNames.has(canonical) || current[canonical] === next) return undefined;
    current[canonical] = next;
    return reportedNames.includes(canonical) ? pairOf(canonical) : undefined;
  }

  return {
    get(name) {
      const canonical = canonicalNames.get(name.toLowerCase());
      if (canonical === undefined) {
        throw new PgError('42704', `unrecognized configuration parameter "${name}"`);
      }
      return pairOf(canonical);
    },
    set,
    resetAll() {
      const changed = reportedNames.filter((name) => current[name] !== initial[name]);
      current = { ...initial };
      return changed.map(pairOf);
    },
    all: () => Object.keys(current).map(pairOf),
    reported: () => reportedNames.map(pairOf),
  };
}

function checked(name: string, value: string): string {
  if (value.length > valueLengthMax) {
    throw new PgError('22023', `the value of "${name}" is longer than ${valueLengthMax} characters`);
  }
  if (name === 'client_encoding') return clientEncoding(value);
  if (name === 'standard_conforming_strings' && !/^(on|true|yes|1)$/i.test(value)) {
    throw new PgError('0A000', 'standard_conforming_strings cannot be turned off', {
      hint: "Write E'…' for a string with backslash escapes.",
    });
  }
  return value;
}

/** The encodings whose bytes are sent and read unchanged. */
export function clientEncoding(value: string): string {
  const plain = value.toUpperCase().replace(/[^A-Z0-9]/g, '');
  if (plain === 'UTF8' || plain === 'UNICODE') return 'UTF8';
  if (plain === 'SQLASCII') return 'SQL_ASCII';
  throw new PgError('22023', `invalid value for parameter "client_encoding": "${value}"`, {
    hint: 'The interface speaks UTF8.',
  });
}
