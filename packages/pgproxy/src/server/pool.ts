import type { Timer } from '@sampan/base';
import type { Totals } from '../admin/totals.ts';
import type { Component } from '../schedule/scheduler.ts';
import type { Ticket } from '../schedule/wait-queue.ts';
import type { Profile } from '../settings/profile.ts';
import type { Holder } from './holder.ts';
import type { ServerConnection } from './server-connection.ts';
import type { LoginFailure } from './server-login.ts';
import type { WelcomeBook } from './welcome-book.ts';

/** Why a client gets no server now. */
export type Refusal =
  | { readonly kind: 'queueFull' }
  | { readonly kind: 'timeout' }
  | ({ readonly kind: 'login' } & LoginFailure);

/** Somebody who needs a server connection for one transaction. */
export interface Borrower extends Holder {
  readonly pool: Pool;
  readonly component: Component<Borrower>;
  readonly ticket: Ticket<Borrower>;
  /** The wait is over; the server was lent to this borrower already. */
  serverIsLent(server: ServerConnection): void;
  serverIsRefused(refusal: Refusal): void;
}

/** The server connections of one user to one database: only these can stand in for each other. */
export interface Pool {
  readonly database: string;
  readonly user: string;
  password: string | undefined;
  /** Lent to nobody, last used last. */
  readonly idle: ServerConnection[];
  /** Everything logged in, idle or not. */
  readonly servers: Set<ServerConnection>;
  /** Borrowers who were granted a connection and wait for one to be opened or to become free. */
  readonly pending: Borrower[];
  /** Logins under way. */
  connecting: number;
  /** Of sessions that have ended, and what only the pool can count. */
  readonly totals: Totals;
  /** No login is tried before this time of the clock of durations, after nobody answered. */
  retryAtMs: number;
  backOffMs: number;
  retry: Timer | undefined;
  /** The settings of a session that asked for none; known once a server has logged in. */
  base: Profile | undefined;
  readonly welcomes: WelcomeBook;
}
