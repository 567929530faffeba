/** What a signature covers, as plain values. */
export interface SignedRequest {
  /** Upper case. */
  readonly method: string;
  /** Path as on the wire, percent-encoded, without the query. */
  readonly path: string;
  /** Decoded parameters in the order of the wire. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Names in lower case, one value per name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** The decoded path, or the path itself when its escapes are broken. */
export function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Parameters by name; of repeated names the first counts. */
export function firstValues(query: SignedRequest['query']): [name: string, value: string][] {
  const first = new Map<string, string>();
  for (const [name, value] of query) if (!first.has(name)) first.set(name, value);
  return [...first];
}

/** Orders by UTF-16 code units, as the vendor's clients do. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
