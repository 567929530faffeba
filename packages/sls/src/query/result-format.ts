import type { DuckDBValue } from '@duckdb/node-api';
import { type SqlType, unknown } from './sql-type.ts';

/** A value as the service prints it; `null` is SQL NULL. */
export function formatValue(value: DuckDBValue, type: SqlType): string | null {
  if (value === null || value === undefined) return null;
  const plain = jsonValue(value, type);
  if (typeof plain === 'string') return plain;
  return typeof plain === 'object' ? stringifyJson(plain) : String(plain);
}

/** A number that must be printed as it is, also inside an array. */
class Numeral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

type Printable = string | boolean | null | Numeral | readonly Printable[] | ReadonlyMap<string, Printable>;

function jsonValue(value: DuckDBValue, type: SqlType): Printable {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return new Numeral(value.toString());
  if (typeof value === 'number')
    return new Numeral(type.name === 'double' ? formatDouble(value) : String(value));
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if ('micros' in value && 'months' in value) return formatInterval(value.months, value.days, value.micros);
  if ('micros' in value) {
    return type.name === 'time'
      ? formatTime(value.micros)
      : `${formatTimestamp(value.micros)}${zoneSuffix(type)}`;
  }
  if ('days' in value) return new Date(Number(value.days) * 86_400_000).toISOString().slice(0, 10);
  if ('items' in value) return [...value.items].map((item) => jsonValue(item, type.element ?? unknown));
  if ('bytes' in value) return Buffer.from(value.bytes).toString('base64');
  if ('entries' in value && Array.isArray(value.entries)) return mapOf(value.entries, type);
  if ('entries' in value) {
    const fields: readonly DuckDBValue[] = Object.values(value.entries);
    return fields.map((field) => jsonValue(field, unknown));
  }
  return String(value);
}

function mapOf(
  entries: readonly { readonly key: DuckDBValue; readonly value: DuckDBValue }[],
  type: SqlType,
): ReadonlyMap<string, Printable> {
  return new Map(
    entries.map(({ key, value }) => [
      formatValue(key, type.key ?? unknown) ?? 'null',
      jsonValue(value, type.element ?? unknown),
    ]),
  );
}

function stringifyJson(value: Printable): string {
  if (value instanceof Numeral) return value.text;
  if (value instanceof Map) {
    const pairs = [...value].map(([key, item]) => `${JSON.stringify(key)}:${stringifyJson(item)}`);
    return `{${pairs.join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(stringifyJson).join(',')}]`;
  return JSON.stringify(value);
}

/** Java's Double.toString: plain between 0.001 and 10,000,000, otherwise with an exponent. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (value === 0 || (size >= 0.001 && size < 10_000_000)) {
    const text = String(value);
    return text.includes('.') ? text : `${text}.0`;
  }
  const [digits = '0', exponent = '0'] = value.toExponential().split('e');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
}

/** `2025-10-09 16:53:21.000`, from microseconds of local time. */
function formatTimestamp(micros: bigint): string {
  const ms = micros >= 0n ? micros / 1000n : (micros - 999n) / 1000n;
  return new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', '');
}

function formatTime(micros: bigint): string {
  return new Date(Number(micros / 1000n)).toISOString().slice(11, 23);
}

function zoneSuffix(type: SqlType): string {
  return type.zone === undefined ? '' : ` ${type.zone}`;
}

/** `1 02:03:04.005`, years and months as `1-2`. */
function formatInterval(months: number, days: number, micros: bigint): string {
  if (months !== 0) return `${Math.trunc(months / 12)}-${Math.abs(months % 12)}`;
  const total = BigInt(days) * 86_400_000n + micros / 1000n;
  const size = total < 0n ? -total : total;
  const clock = new Date(Number(size % 86_400_000n)).toISOString().slice(11, 23);
  return `${total < 0n ? '-' : ''}${size / 86_400_000n} ${clock}`;
}
