import type { DuckDBConnection } from '@duckdb/node-api';
import { type LogSource, logColumns } from '../query/log-source.ts';
import { sqlString } from '../query/sql-text.ts';
import {
  type ColumnBatch,
  numericColumns,
  splitNumbersSql,
  splitTextsSql,
  type TextColumn,
  valueOfPieceSql,
} from './column-batch.ts';

/** Batches up to this many values go in value by value. */
const appendedValuesMax = 4000;

const bigintColumns: ReadonlySet<string> = new Set(['t', 'received', 'position']);

interface TextColumnAt {
  readonly name: string;
  readonly column: TextColumn;
}

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
   * Adds a batch and moves the positions, in one transaction: after a crash both are there or neither is. The rows
   * carry their positions themselves; only where the last records gave no row is there more to write.
   * @param positions the next position of each shard behind the batch
   */
  async append(batch: ColumnBatch, positions: ShardPositions): Promise<void> {
    const connection = this.#connection;
    await connection.run('BEGIN');
    try {
      const fresh = batch.rows > 0 ? await this.#insert(batch) : new Map<string, number>();
      for (const [shard, next] of rowlessPositions(batch, positions)) {
        await connection.run(`INSERT INTO log_position VALUES (${sqlString(this.uid)}, ${shard}, ${next})`);
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

  /**
   * Removes the rows received before a time. They can no longer tell how far the shards are indexed, so that is
   * written down in the same transaction.
   */
  async forget(receivedBeforeMs: number): Promise<number> {
    const connection = this.#connection;
    const where = `WHERE received < ${Math.floor(receivedBeforeMs)}`;
    const found = await connection.runAndReadAll(`SELECT count(*) FROM ${this.#table} ${where}`);
    const rows = Number(found.getRows()[0]?.[0] ?? 0);
    if (rows === 0) return 0;
    await connection.run('BEGIN');
    try {
      for (const [shard, next] of this.positions) {
        await connection.run(`INSERT INTO log_position VALUES (${sqlString(this.uid)}, ${shard}, ${next})`);
      }
      await connection.run(`DELETE FROM ${this.#table} ${where}`);
      await connection.run('COMMIT');
    } catch (error) {
      await connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
    this.rows -= rows;
    return rows;
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
    const fresh = new Map<string, number>();
    const columns: TextColumnAt[] = [
      { name: logColumns.source, column: batch.source() },
      { name: logColumns.topic, column: batch.topic() },
    ];
    for (const [key, column] of batch.columns()) {
      let number = this.#columns.get(key);
      if (number === undefined) {
        number = this.#columns.size + fresh.size;
        fresh.set(key, number);
      }
      columns.push({ name: `c${number}`, column });
    }
    const overflow = batch.overflow();
    if (overflow !== undefined) columns.push({ name: logColumns.overflow, column: overflow });
    await this.#addColumns(fresh, overflow !== undefined && !this.#hasOverflow);
    const width = this.#columns.size + fresh.size;
    if (batch.rows * width <= appendedValuesMax) await this.#appendRows(batch, columns, width);
    else await this.#insertColumns(batch, columns);
    return fresh;
  }

  /** Many rows: every column is one joined text that the engine cuts. */
  async #insertColumns(batch: ColumnBatch, columns: readonly TextColumnAt[]): Promise<void> {
    const parameters = batch.numbers().map((values) => values.join(','));
    const names: string[] = [...numericColumns];
    const cuts = numericColumns.map((name, index) => `${splitNumbersSql(`$${index + 1}`)} AS ${name}`);
    const values: string[] = [...numericColumns];
    for (const { name, column } of columns) {
      const joined = column.join(batch.rows);
      parameters.push(joined.text);
      names.push(name);
      cuts.push(`${splitTextsSql(`$${parameters.length}`)} AS ${name}`);
      values.push(valueOfPieceSql(name, joined));
    }
    const sql = `INSERT INTO ${this.#table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM (SELECT ${cuts.join(', ')})`;
    await this.#connection.run(sql, parameters);
  }

  /** A few rows: value by value. Planning the statement above would take longer than everything else. */
  async #appendRows(batch: ColumnBatch, columns: readonly TextColumnAt[], width: number): Promise<void> {
    const byName = new Map(columns.map(({ name, column }) => [name, column]));
    const order = textColumnsInOrder(width).map((name) => byName.get(name));
    const appender = await this.#connection.createAppender(this.#table);
    try {
      for (let row = 0; row < batch.rows; row += 1) {
        batch.numbers().forEach((values, index) => {
          const value = values[row] ?? 0;
          if (bigintColumns.has(numericColumns[index] ?? '')) appender.appendBigInt(BigInt(value));
          else appender.appendInteger(value);
        });
        for (const column of order) {
          const value = column?.value(row);
          if (value === undefined) appender.appendNull();
          else appender.appendVarchar(value);
        }
        appender.endRow();
      }
    } finally {
      appender.closeSync();
    }
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

/** The text columns of a log table in the order in which it was made. */
function textColumnsInOrder(columnCount: number): string[] {
  const own = Array.from({ length: columnCount }, (_none, number) => `c${number}`);
  return [logColumns.source, logColumns.topic, logColumns.overflow, ...own];
}

/** A log table with `columnCount` columns for keys. */
function createTableSql(table: string, columnCount: number): string {
  const numbers = numericColumns.map((name) => `${name} ${bigintColumns.has(name) ? 'BIGINT' : 'INTEGER'}`);
  const texts = textColumnsInOrder(columnCount).map((name) => `${name} VARCHAR`);
  return `CREATE OR REPLACE TABLE ${table} (${[...numbers, ...texts].join(', ')})`;
}

/** Shards whose last records gave no row, so that the rows do not tell the position. */
function rowlessPositions(batch: ColumnBatch, positions: ShardPositions): ShardPositions {
  const [, , , shards = [], places = []] = batch.numbers();
  const reached = new Map<number, number>();
  shards.forEach((shard, row) => {
    reached.set(shard, Math.max(reached.get(shard) ?? 0, (places[row] ?? -1) + 1));
  });
  return new Map([...positions].filter(([shard, next]) => reached.get(shard) !== next));
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
  const name = `log_${Number(table[0])}`;
  const positions = await read(
    `SELECT shard, max(next) FROM (SELECT shard, next FROM log_position ${where}
       UNION ALL SELECT shard, max(position) + 1 FROM ${name} GROUP BY shard) GROUP BY shard`,
  );
  const [count] = await read(`SELECT count(*) FROM ${name}`);
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
