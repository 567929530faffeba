import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import { sqlRuntimeError } from '../query/query-error.ts';
import { formatValue } from '../query/result-format.ts';
import type { SqlType } from '../query/sql-type.ts';
import { isInternal, queryFailure } from './engine-error.ts';

export interface QueryRunnerOptions {
  connect(): Promise<DuckDBConnection>;
  warn(message: string, detail: Readonly<Record<string, unknown>>): void;
  /** Statements that run at a time; further ones wait. */
  readonly concurrencyMax?: number;
  readonly timeoutMs?: number;
  /** Text of an answer, in characters. */
  readonly resultCharactersMax?: number;
}

const interruptEveryMs = 50;

/** Runs read statements on a few connections, within the service's limits of time and size. */
export class QueryRunner {
  readonly #options: Required<QueryRunnerOptions>;
  readonly #idle: DuckDBConnection[] = [];
  readonly #waiting: ((connection: DuckDBConnection) => void)[] = [];
  readonly #busy = new Set<DuckDBConnection>();
  readonly #running = new Set<Promise<unknown>>();
  #isStopped = false;
  #open = 0;

  constructor(options: QueryRunnerOptions) {
    this.#options = {
      concurrencyMax: 4,
      timeoutMs: 55_000,
      resultCharactersMax: 100 * 1024 * 1024,
      ...options,
    };
  }

  run(sql: string, types: readonly SqlType[]): Promise<(string | null)[][]> {
    if (this.#isStopped) return Promise.reject(slsErrors.internalServerError());
    const running = this.#run(sql, types).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  async #run(sql: string, types: readonly SqlType[]): Promise<(string | null)[][]> {
    const connection = await this.#acquire();
    if (this.#isStopped) {
      this.#release(connection);
      throw slsErrors.internalServerError();
    }
    this.#busy.add(connection);
    let isTimedOut = false;
    let again: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      isTimedOut = true;
      connection.interrupt();
      again = setInterval(() => connection.interrupt(), interruptEveryMs);
    }, this.#options.timeoutMs);
    try {
      return await this.#read(connection, sql, types);
    } catch (error) {
      if (isTimedOut) {
        throw sqlRuntimeError(
          `Query exceeded maximum time limit of ${(this.#options.timeoutMs / 1000).toFixed(2)}s`,
        );
      }
      if (error instanceof ResultTooLarge) throw sqlRuntimeError(error.message);
      const failure = queryFailure(messageOf(error));
      if (isInternal(failure) && !this.#isStopped)
        this.#options.warn('a statement failed', { sql, reason: messageOf(error) });
      throw failure;
    } finally {
      clearTimeout(timer);
      clearInterval(again);
      this.#busy.delete(connection);
      this.#release(connection);
    }
  }

  /** Interrupts what runs, waits until nothing does, closes the connections. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    // Again and again: an interruption that comes before the statement has begun is forgotten.
    const timer = setInterval(() => {
      for (const connection of this.#busy) connection.interrupt();
    }, interruptEveryMs);
    await Promise.allSettled(this.#running);
    clearInterval(timer);
    for (const connection of this.#idle) connection.closeSync();
    this.#idle.length = 0;
  }

  async #read(
    connection: DuckDBConnection,
    sql: string,
    types: readonly SqlType[],
  ): Promise<(string | null)[][]> {
    const result = await connection.stream(sql);
    const rows: (string | null)[][] = [];
    let characters = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return rows;
      const values = chunk.getRows();
      for (const row of values) {
        const formatted = types.map((type, index) => formatValue(row[index] ?? null, type));
        for (const text of formatted) characters += text?.length ?? 4;
        rows.push(formatted);
      }
      if (characters > this.#options.resultCharactersMax)
        throw new ResultTooLarge(this.#options.resultCharactersMax);
    }
  }

  #acquire(): Promise<DuckDBConnection> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.#open < this.#options.concurrencyMax) {
      this.#open += 1;
      return this.#options.connect().catch((error: unknown) => {
        this.#open -= 1;
        throw error;
      });
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #release(connection: DuckDBConnection): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else next(connection);
  }
}

class ResultTooLarge extends Error {
  constructor(charactersMax: number) {
    super(
      `Query result exceeds the maximum size of ${Math.round(charactersMax / 1024 / 1024)}MB; use LIMIT or fewer columns`,
    );
  }
}
