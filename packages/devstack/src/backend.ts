import type { LogstoreOptions } from '@sampan/config';
import type { Addresses } from './addresses.ts';

/** A part of the stack that became ready, for progress lines. */
export type Part = 'postgres' | 'sls' | 'proxy' | 'databases' | 'logstores';

/** What must exist before programs can use the stack. */
export interface Inventory {
  readonly databases: readonly string[];
  /** Who owns the databases; every component logs in as this role. */
  readonly owner: string;
  readonly project: string;
  readonly logstores: readonly LogstoreOptions[];
}

/** One way to run the services of the stack. A backend that was started can be stopped at any moment, twice too. */
export interface Backend {
  readonly name: string;
  /** Starts PostgreSQL, the emulator and the proxy; resolves when all of them accept connections. */
  start(): Promise<Addresses>;
  /** Creates what is absent of `inventory` and leaves what is there. Call it after `start`. */
  ensure(inventory: Inventory): Promise<void>;
  /** Settles when a service ended although nobody asked it to. */
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}

/** How a backend tells what happens while it works. */
export interface BackendEvents {
  onPart(part: Part): void;
  /** Something the user should know that is no error, in one line. */
  onNotice(message: string): void;
}
