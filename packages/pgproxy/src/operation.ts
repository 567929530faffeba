import { messageOf, type SampanError } from '@sampan/base';
import { sqlstates, WireError } from '@sampan/pg-wire';
import type { ClientSession } from './client/client-session.ts';
import type { ServerPools } from './server/server-pools.ts';

export interface OperationOptions {
  readonly pools: ServerPools;
  readonly clients: ReadonlySet<ClientSession>;
  /** Reads the options again and takes them over. `undefined` where there is nothing to read from. */
  readonly reload: (() => Promise<void>) | undefined;
  /** Ends the process, or whatever runs the proxy. */
  readonly shutdown: () => void;
  /** Stops listening, and goes on with the clients there are. */
  readonly stopListening: () => void;
  /** Called after clients have gone. */
  readonly whenEmpty: () => Promise<void>;
}

const terminated = 'terminating connection due to administrator command';

/** What an administrator does to the running proxy. Every refusal is a `WireError`. */
export class Operation {
  readonly #options: OperationOptions;
  readonly #disabled = new Set<string>();

  constructor(options: OperationOptions) {
    this.#options = options;
  }

  isDisabled(database: string): boolean {
    return this.#disabled.has(database);
  }

  /** Resolves when no client holds a server of the database any more; clients wait until `resume`. */
  async pause(database: string | undefined): Promise<void> {
    const { pools } = this.#options;
    if (pools.isPaused(database))
      throw new WireError(sqlstates.objectNotInPrerequisiteState, 'already paused');
    pools.pause(database);
    await pools.drained(database);
  }

  resume(database: string | undefined): void {
    if (this.#options.pools.resume(database)) return;
    throw new WireError(sqlstates.objectNotInPrerequisiteState, 'not paused');
  }

  async reload(): Promise<void> {
    const { reload } = this.#options;
    if (reload === undefined) {
      throw new WireError(sqlstates.featureNotSupported, 'the proxy was not started from a file');
    }
    try {
      await reload();
    } catch (error) {
      const code = (error as Partial<SampanError>).code ?? 'error';
      throw new WireError(
        sqlstates.invalidParameterValue,
        `nothing was changed: ${code}: ${messageOf(error)}`,
      );
    }
  }

  /** Ends every client and server of the database; new clients wait until `resume`. */
  kill(database: string): void {
    const { pools, clients } = this.#options;
    if (!pools.isPaused(database)) pools.pause(database);
    for (const client of [...clients]) {
      if (client.database === database) client.fail(sqlstates.adminShutdown, terminated);
    }
    pools.reconnect(database);
  }

  killClient(id: number): void {
    const client = [...this.#options.clients].find(({ processId }) => processId === id);
    if (client === undefined) throw new WireError(sqlstates.undefinedObject, `no client has the id ${id}`);
    client.fail(sqlstates.adminShutdown, terminated);
  }

  disable(database: string): void {
    this.#disabled.add(database);
  }

  enable(database: string): void {
    this.#disabled.delete(database);
  }

  reconnect(database: string | undefined): void {
    this.#options.pools.reconnect(database);
  }

  waitClose(database: string | undefined): Promise<void> {
    return this.#options.pools.closed(database);
  }

  /** `servers`: after running transactions; `clients`: after the last client has left. */
  async shutdown(waitFor: 'nobody' | 'servers' | 'clients'): Promise<void> {
    const { pools, shutdown, stopListening, whenEmpty } = this.#options;
    if (waitFor !== 'nobody') stopListening();
    if (waitFor === 'servers') {
      if (!pools.isPaused(undefined)) pools.pause(undefined);
      await pools.drained(undefined);
    }
    if (waitFor === 'clients') await whenEmpty();
    // After the answer has been sent.
    setImmediate(shutdown);
  }
}
