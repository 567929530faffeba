import type { PgBackend } from './backend.ts';
import { columnOf, type ResultRows, typeOfSqlColumn } from './column-types.ts';
import { selectConstants } from './constant-select.ts';
import { PgError } from './pg-error.ts';
import { selectRelations } from './select-relations.ts';
import type { SessionFacts } from './session-facts.ts';
import type { SelectStatement } from './statement.ts';
import type { Token } from './statement-lexer.ts';
import { logstoreSchema, type RelationName, relationText } from './statement-names.ts';
import { selectSystem } from './system-select.ts';
import { isSystemRelation } from './system-tables.ts';

/** A SELECT that is ready to run: answered on the spot, or by the engine. */
export type PlannedSelect =
  | { readonly kind: 'answered'; readonly result: ResultRows }
  | {
      readonly kind: 'engine';
      readonly logstore: string;
      readonly sql: string;
      /** Where `sql` begins in the query text; absent when it is not a literal part of it. */
      readonly textAt: number | undefined;
    };

/** Decides who answers a SELECT, by the relations it reads. Throws 42P01 for one that does not exist. */
export function planSelect(statement: SelectStatement, text: string, facts: SessionFacts): PlannedSelect {
  const { tokens } = statement;
  const relations = selectRelations(tokens);
  const first = relations[0];
  if (first === undefined) return { kind: 'answered', result: selectConstants(tokens, facts) };
  if (relations.every(isSystemRelation)) return { kind: 'answered', result: selectSystem(tokens, facts) };
  for (const relation of relations) {
    if (isSystemRelation(relation)) {
      throw new PgError('0A000', 'a statement cannot read logs and system tables together', {
        at: relation.start,
      });
    }
    const isOurs = relation.schema === undefined || relation.schema === logstoreSchema;
    if (!isOurs || facts.catalog.view(facts.database, relation.name) === undefined) {
      throw new PgError('42P01', `relation "${relationText(relation)}" does not exist`, {
        at: relation.start,
      });
    }
    if (relation.name !== first.name) {
      throw new PgError('0A000', 'a statement can read one logstore only', {
        detail: `It names "${first.name}" and "${relation.name}".`,
        at: relation.start,
      });
    }
  }
  return { kind: 'engine', logstore: first.name, ...engineText(tokens, relations, text) };
}

/** Runs the planned statement on the logstore as it is now. */
export async function runOnEngine(
  plan: Extract<PlannedSelect, { kind: 'engine' }>,
  project: string,
  backend: PgBackend,
): Promise<ResultRows> {
  const logstore = backend.catalog.view(project, plan.logstore);
  if (logstore === undefined) throw new PgError('42P01', `relation "${plan.logstore}" does not exist`);
  const table = await backend.engine.sql({ logstore, sql: plan.sql });
  const types = table.columns.map((column) => typeOfSqlColumn(column.type));
  const columns = table.columns.map((column, at) => columnOf(column.name, types[at] ?? 'varchar'));
  if (!types.includes('bool')) return { columns, rows: table.rows };
  const rows = table.rows.map((row) =>
    row.map((value, at) => (types[at] === 'bool' ? boolText(value) : value)),
  );
  return { columns, rows };
}

/** PostgreSQL writes a boolean as one letter. */
function boolText(value: string | null): string | null {
  if (value === 'true') return 't';
  return value === 'false' ? 'f' : value;
}

/**
 * The statement as the engine understands it: without the schema before the logstore, and with every string in the
 * standard spelling.
 */
function engineText(
  tokens: readonly Token[],
  relations: readonly RelationName[],
  text: string,
): { sql: string; textAt: number | undefined } {
  const start = tokens[0]?.start ?? 0;
  const end = tokens.at(-1)?.end ?? start;
  const changes = [
    ...relations.flatMap((relation) =>
      relation.schema === undefined
        ? []
        : [{ ...relation, text: `"${relation.name.replaceAll('"', '""')}"` }],
    ),
    ...tokens.flatMap((token) =>
      token.isForeign
        ? [{ start: token.start, end: token.end, text: `'${token.text.replaceAll("'", "''")}'` }]
        : [],
    ),
  ].sort((a, b) => a.start - b.start);
  if (changes.length === 0) return { sql: text.slice(start, end), textAt: start };
  let sql = '';
  let from = start;
  for (const change of changes) {
    sql += text.slice(from, change.start) + change.text;
    from = change.end;
  }
  return { sql: sql + text.slice(from, end), textAt: undefined };
}
