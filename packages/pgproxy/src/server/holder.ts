import type { PinReason } from '../client/session-state.ts';
import type { ClientStatements } from '../prepared/statements.ts';
import type { OutBatch } from '../protocol/out-batch.ts';
import type { Profile } from '../settings/profile.ts';
import type { ServerConnection } from './server-connection.ts';

/** Who a server works for: the client side of the proxy, as the server side sees it. */
export interface Holder {
  readonly toClient: OutBatch;
  readonly statements: ClientStatements;
  /**
   * The settings its session has; the server keeps it true while it works for this holder. `undefined`
   * before the session has any: then the server is lent as it is.
   */
  profile: Profile | undefined;
  /** Unreported settings of its start-up packet, to which RESET returns. */
  readonly startExtras: ReadonlyMap<string, string>;
  /** After a chunk that finished a reply or opened a COPY: the holder may hand the server back or go on. */
  serverIsReady(): void;
  /** The settings the proxy applied were refused; `fields` is the server's error. */
  settingsWereRefused(fields: Map<string, string>): void;
  serverIsWritable(): void;
  /** The connection is gone. `wasTold`: the server sent a fatal error, which was passed on. */
  serverIsGone(wasTold: boolean, isMidMessage: boolean): void;
  /** The server confirmed a command that leaves state in its session. */
  stateWasMade(reason: PinReason): void;
  /** DISCARD ALL has removed all such state, and nothing that could make new one is on its way. */
  stateWasDiscarded(): void;
}

/** What a server tells its pool. */
export interface ServerOwner {
  /** A server that was abandoned is clean again. */
  serverIsClean(server: ServerConnection): void;
  serverIsGone(server: ServerConnection): void;
}
