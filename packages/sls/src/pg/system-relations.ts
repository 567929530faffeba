import type { ResultRows } from './column-types.ts';
import { PgError } from './pg-error.ts';
import type { SessionFacts } from './session-facts.ts';
import type { Token } from './statement-lexer.ts';
import type { RelationName } from './statement-names.ts';

export function isSystemRelation(relation: RelationName): boolean {
  if (relation.schema !== undefined) return /^(pg_catalog|information_schema)$/.test(relation.schema);
  return relation.name.startsWith('pg_');
}

export function selectSystem(
  _tokens: readonly Token[],
  relations: readonly RelationName[],
  _context: SessionFacts,
): ResultRows {
  throw new PgError('0A000', `system table ${relations[0]?.name}`);
}
