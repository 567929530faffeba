const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 0.000_001 };

/** A Compose duration such as `1m30s` in seconds; `undefined` when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|us|m|s))+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|m|s)/g)) {
    seconds += Number(amount) * (units[unit ?? ''] ?? 0);
  }
  return seconds;
}

/** A Compose byte value such as `512m`, `2gb` or `1073741824` in bytes; `undefined` when it is none. */
export function parseBytes(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim());
  if (parts === null) return undefined;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((parts[2] ?? '').toLowerCase());
  return Math.round(Number(parts[1]) * 1024 ** power);
}
