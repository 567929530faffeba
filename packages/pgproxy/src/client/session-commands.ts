/** What a simple query forgets: every prepared statement, or one by its name as the protocol knows it. */
export type Forgets = 'all' | { readonly name: string };

const allStatements = /^\s*(?:deallocate\s+(?:prepare\s+)?all|discard\s+all)\s*;?\s*$/i;
const oneStatement = /^\s*deallocate\s+(?:prepare\s+)?(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))\s*;?\s*$/i;
const leadingComments = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)+/;

/** Recognises DEALLOCATE and DISCARD ALL that stand alone in a query. */
export function forgetsStatements(sql: string): Forgets | undefined {
  const text = sql.replace(leadingComments, '');
  if (allStatements.test(text)) return 'all';
  const match = oneStatement.exec(text);
  if (match === null) return undefined;
  const [, quoted, plain] = match;
  const name = quoted?.replaceAll('""', '"') ?? plain?.toLowerCase() ?? '';
  // Names are compared as the bytes the protocol carries.
  return { name: Buffer.from(name).toString('latin1') };
}
