import { encodeQuery } from '@sampan/pg-wire';
import type { ClientStatements, Statement } from '../prepared/statements.ts';
import { replies } from '../protocol/reply-queue.ts';
import type { ServerConnection } from './server-connection.ts';

/** Gives the session to one client alone, without the statements prepared for others. */
export function startSession(server: ServerConnection): void {
  server.needsDiscard = true;
  if (server.prepared.size === 0) return;
  server.prepared.clear();
  server.replies.push(replies.setup);
  server.toServer.bytes(encodeQuery('DEALLOCATE ALL'));
}

/** Asks an idle server whether it still answers; it reports itself clean when it does. */
export function checkServer(server: ServerConnection, sql: string): void {
  server.state = 'reset';
  server.replies.push(replies.query);
  server.toServer.bytes(encodeQuery(sql));
  server.toServer.flush();
}

/** Repeats the client's unnamed Parse if this server holds somebody else's. */
export function prepareUnnamed(server: ServerConnection, statements: ClientStatements): void {
  const parse = statements.unnamed;
  if (server.unnamedOf === statements || parse === undefined) return;
  server.unnamedOf = statements;
  server.replies.push(replies.parseUnnamedHidden);
  server.toServer.bytes(parse);
}

/**
 * Makes sure the server knows `statement`, preparing it ahead of the client's message if need be.
 * Returns whether it did already.
 */
export function prepareOn(
  server: ServerConnection,
  statement: Statement,
  options: { readonly max: number; readonly isOwnParse: boolean; readonly name: string },
): boolean {
  if (server.prepared.touch(statement)) return true;
  const evicted = server.prepared.toEvict(options.max);
  if (evicted !== undefined) {
    server.prepared.remove(evicted);
    server.replies.pushNamed(replies.closeHidden, { name: undefined, statement: evicted });
    server.toServer.bytes(evicted.close);
  }
  server.prepared.add(statement);
  if (options.isOwnParse) server.replies.pushNamed(replies.parse, { name: options.name, statement });
  else server.replies.pushNamed(replies.parseHidden, { name: undefined, statement });
  server.toServer.bytes(statement.parse);
  return false;
}
