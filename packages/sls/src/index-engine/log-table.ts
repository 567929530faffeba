import type { DuckDBConnection } from '@duckdb/node-api';
import { type LogSource, logColumns } from '../query/log-source.ts';
import { sqlString } from '../query/sql-text.ts';
import {
  type ColumnBatch,
  columnValueSql,
  numericColumns,
  splitColumnSql,
  splitNumbersSql,
} from './column-batch.ts';

/** How far one shard is indexed: the next position to read. */
export type ShardPositions = Map<number, number>;

/** One logstore's table in the index file. Only the writer's connection changes it. */
export class LogTable {
  readonly uid: string;
  readonly positions: ShardPositions;
  rows = 0;
  readonly #connection: DuckDBConnection;
  readonly #table: string;
  readonly #columns: Map<string, number>;
  #hasOverflow: boolean;

  private constructor(connection: DuckDBConnection, uid: string, stored: StoredTable) {
    this.#connection = connection;
    this.uid = uid;
    this.#table = `log_${stored.number}`;
    this.#columns = stored.columns;
    this.#hasOverflow = stored.hasOverflow;
    this.positions = stored.positions;
    this.rows = stored.rows;
  }

  /** Opens the table of `uid`, making it when there is none. */
  static async open(connection: DuckDBConnection, uid: string): Promise<LogTable> {
    const stored = (await readStored(connection, uid)) ?? (await createStored(connection, uid));
    return new LogTable(connection, uid, stored);
  }

  /** What queries read. The map is a snapshot. */
  source(): LogSource {
    const columns = new Map([...this.#columns].map(([key, number]) => [key, `c${number}`]));
    return {
      table: this.#table,
      columns,
      overflow: this.#hasOverflow ? logColumns.overflow : undefined,
    };
  }

  knownKeys(): ReadonlySet<string> {
    return new Set(this.#columns.keys());
  }

  /**
   * Adds a batch and moves the positions, in one transaction: after a crash both are there or neither is.
   * @param positions the next position of each shard behind the batch
   */
  async append(batch: ColumnBatch, positions: ShardPositions): Promise<void> {
    const connection = this.#connection;
    await connection.run('BEGIN');
    try {
      const fresh = batch.rows > 0 ? await this.#insert(batch) : new Map<string, number>();
      for (const [shard, next] of positions) {
        await connection.run(
          `INSERT OR REPLACE INTO log_position VALUES (${sqlString(this.uid)}, ${shard}, ${next})`,
        );
      }
      await connection.run('COMMIT');
      for (const [key, number] of fresh) this.#columns.set(key, number);
      for (const [shard, next] of positions) this.positions.set(shard, next);
      if (batch.overflow() !== undefined) this.#hasOverflow = true;
      this.rows += batch.rows;
    } catch (error) {
      await connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** Removes the table and everything known about the logstore. */
  async drop(): Promise<void> {
    const connection = this.#connection;
    const uid = sqlString(this.uid);
    await connection.run('BEGIN');
    try {
      await connection.run(`DROP TABLE IF EXISTS ${this.#table}`);
      for (const table of ['log_table', 'log_column', 'log_position']) {
        await connection.run(`DELETE FROM ${table} WHERE uid = ${uid}`);
      }
      await connection.run('COMMIT');
    } catch (error) {
      await connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** Inserts inside the open transaction; returns the columns it had to add. */
  async #insert(batch: ColumnBatch): Promise<Map<string, number>> {
    const names: string[] = [...numericColumns];
    const parts = numericColumns.map((_name, index) => splitNumbersSql(`$${index + 1}`));
    const values = parts.map((_part, index) => `p${index}`);
    const parameters = batch.numbers();
    const add = (name: string, column: { text: string; isEscaped: boolean }): void => {
      parameters.push(column.text);
      names.push(name);
      values.push(columnValueSql(`p${parts.length}`, column.isEscaped));
      parts.push(splitColumnSql(`$${parameters.length}`));
    };
    add(logColumns.source, batch.source());
    add(logColumns.topic, batch.topic());
    const fresh = new Map<string, number>();
    for (const [key, column] of batch.columns()) {
      let number = this.#columns.get(key);
      if (number === undefined) {
        number = this.#columns.size + fresh.size;
        fresh.set(key, number);
      }
      add(`c${number}`, column);
    }
    const overflow = batch.overflow();
    if (overflow !== undefined) add(logColumns.overflow, overflow);
    await this.#addColumns(fresh, overflow !== undefined && !this.#hasOverflow);
    // Each split stands alone under a name of its own: inside another call the engine spells the parameter out
    // to name the expression, in time quadratic in its quotes (a megabyte of them took 26 s).
    const split = parts.map((part, index) => `${part} AS p${index}`).join(', ');
    const sql = `INSERT INTO ${this.#table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM (SELECT ${split})`;
    await this.#connection.run(sql, parameters);
    return fresh;
  }

  async #addColumns(fresh: ReadonlyMap<string, number>, isFirstOverflow: boolean): Promise<void> {
    const connection = this.#connection;
    const uid = sqlString(this.uid);
    if (fresh.size > 0) {
      const numbers = [...fresh.values()];
      // An empty table is made anew with all its columns: adding 500 one by one takes seconds.
      if (this.rows === 0) await connection.run(createTableSql(this.#table, this.#columns.size + fresh.size));
      else
        for (const number of numbers)
          await connection.run(`ALTER TABLE ${this.#table} ADD COLUMN c${number} VARCHAR`);
      const rows = [...fresh].map(([key, number]) => `(${uid}, ${sqlString(key)}, ${number})`);
      await connection.run(`INSERT INTO log_column VALUES ${rows.join(', ')}`);
    }
    if (isFirstOverflow) await connection.run(`UPDATE log_table SET has_overflow = true WHERE uid = ${uid}`);
  }
}

/** A log table with `columnCount` text columns. */
function createTableSql(table: string, columnCount: number): string {
  const columns = Array.from({ length: columnCount }, (_none, number) => `, c${number} VARCHAR`).join('');
  return (
    `CREATE OR REPLACE TABLE ${table} (t BIGINT, ns INTEGER, received BIGINT, shard INTEGER, position BIGINT, ` +
    `sequence INTEGER, source VARCHAR, topic VARCHAR, overflow VARCHAR${columns})`
  );
}

interface StoredTable {
  readonly number: number;
  readonly hasOverflow: boolean;
  readonly columns: Map<string, number>;
  readonly positions: ShardPositions;
  readonly rows: number;
}

async function readStored(connection: DuckDBConnection, uid: string): Promise<StoredTable | undefined> {
  const where = `WHERE uid = ${sqlString(uid)}`;
  const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();
  const [table] = await read(`SELECT number, has_overflow FROM log_table ${where}`);
  if (table === undefined) return undefined;
  const columns = await read(`SELECT key, number FROM log_column ${where} ORDER BY number`);
  const positions = await read(`SELECT shard, next FROM log_position ${where}`);
  const [count] = await read(`SELECT count(*) FROM log_${Number(table[0])}`);
  return {
    number: Number(table[0]),
    hasOverflow: table[1] === true,
    columns: new Map(columns.map(([key, number]) => [String(key), Number(number)])),
    positions: new Map(positions.map(([shard, next]) => [Number(shard), Number(next)])),
    rows: Number(count?.[0] ?? 0),
  };
}

async function createStored(connection: DuckDBConnection, uid: string): Promise<StoredTable> {
  const [row] = (
    await connection.runAndReadAll('SELECT coalesce(max(number), 0) + 1 FROM log_table')
  ).getRows();
  const number = Number(row?.[0] ?? 1);
  await connection.run('BEGIN');
  await connection.run(createTableSql(`log_${number}`, 0));
  await connection.run(`INSERT INTO log_table VALUES (${sqlString(uid)}, ${number}, false)`);
  await connection.run('COMMIT');
  return { number, hasOverflow: false, columns: new Map(), positions: new Map(), rows: 0 };
}
