import { z } from 'zod';
import type { KeyPath } from '../problem.ts';
import { unwrap } from '../schema/option.ts';

/** Environment variables by name; the caller passes its own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** `postgres.maxConnections` → `SAMPAN_POSTGRES_MAX_CONNECTIONS`. */
export function variableOf(path: KeyPath): string {
  const words = path.map((segment) => String(segment).replaceAll(/[A-Z]/g, (letter) => `_${letter}`));
  return `SAMPAN_${words.join('_').toUpperCase()}`;
}

/** Every option that a variable can set: the single values outside sections whose names are free. */
export function scalarPaths(schema: z.ZodType, path: KeyPath = []): KeyPath[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, child]) =>
      scalarPaths(child as z.ZodType, [...path, key]),
    );
  }
  return inner instanceof z.ZodRecord || inner instanceof z.ZodArray ? [] : [path];
}

/** Puts the variables' values over the file's. Returns the paths set, each with its variable. */
export function applyEnvironment(
  root: Record<string, unknown>,
  schema: z.ZodType,
  environment: Environment,
): { path: KeyPath; variable: string }[] {
  const applied: { path: KeyPath; variable: string }[] = [];
  for (const path of scalarPaths(schema)) {
    const variable = variableOf(path);
    const text = environment[variable];
    if (text === undefined || text === '') continue;
    if (setAt(root, path, scalarOf(text))) applied.push({ path, variable });
  }
  return applied;
}

function scalarOf(text: string): unknown {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

/** Fails where the file has something other than a section in the way; that is a problem of its own. */
function setAt(root: Record<string, unknown>, path: KeyPath, value: unknown): boolean {
  let section = root;
  for (const segment of path.slice(0, -1)) {
    const next = section[segment] ?? {};
    if (typeof next !== 'object' || Array.isArray(next)) return false;
    section[segment] = next;
    section = next as Record<string, unknown>;
  }
  section[String(path.at(-1))] = value;
  return true;
}
