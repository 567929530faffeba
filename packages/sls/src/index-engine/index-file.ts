import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { engineMacros } from '../query/sql-cast.ts';
import { sqlString } from '../query/sql-text.ts';

/** Raised when the tables change shape; an index of another layout is thrown away and built again. */
const layoutVersion = 2;

export interface IndexFileOptions {
  readonly directory: string;
  readonly timeZone: string;
  readonly memoryLimitMb: number;
  /** Told when the file could not be used and was begun anew. */
  onRebuild(reason: string): void;
}

/** The open DuckDB file. One process, one thread, may hold it. */
export interface IndexFile {
  /** A connection with the session settings that translated statements rely on. */
  connect(): Promise<DuckDBConnection>;
  close(): void;
}

/**
 * Opens the index file. One that is damaged or of another layout is removed: everything in it can be read from
 * the segments again.
 */
export async function openIndexFile(options: IndexFileOptions): Promise<IndexFile> {
  await mkdir(options.directory, { recursive: true });
  const path = join(options.directory, 'index.duckdb');
  try {
    return await openFile(path, options);
  } catch (error) {
    options.onRebuild(error instanceof Error ? error.message : String(error));
    await rm(path, { force: true });
    await rm(`${path}.wal`, { force: true });
    return openFile(path, options);
  }
}

async function openFile(path: string, options: IndexFileOptions): Promise<IndexFile> {
  // Loaded here, in the worker, so that importing this package costs nothing.
  const { DuckDBInstance: Instance } = await import('@duckdb/node-api');
  const instance: DuckDBInstance = await Instance.create(path, {
    threads: '2',
    memory_limit: `${options.memoryLimitMb}MB`,
    checkpoint_threshold: '128MB',
    preserve_insertion_order: 'false',
    temp_directory: join(options.directory, 'spill'),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // Last: it forbids every other setting that names a path.
    enable_external_access: 'false',
  });
  try {
    const first = await instance.connect();
    await prepareLayout(first);
    for (const macro of engineMacros) await first.run(macro);
    first.closeSync();
  } catch (error) {
    instance.closeSync();
    throw error;
  }
  return {
    async connect() {
      const connection = await instance.connect();
      await connection.run(`SET TimeZone = ${sqlString(options.timeZone)}`);
      await connection.run('SET ieee_floating_point_ops = true');
      return connection;
    },
    close: () => instance.closeSync(),
  };
}

async function prepareLayout(connection: DuckDBConnection): Promise<void> {
  await connection.run('CREATE TABLE IF NOT EXISTS index_layout (version INTEGER)');
  await connection.run(
    'CREATE TABLE IF NOT EXISTS log_table (uid VARCHAR PRIMARY KEY, number INTEGER, has_overflow BOOLEAN)',
  );
  await connection.run('CREATE TABLE IF NOT EXISTS log_column (uid VARCHAR, key VARCHAR, number INTEGER)');
  await connection.run('CREATE TABLE IF NOT EXISTS log_position (uid VARCHAR, shard INTEGER, next BIGINT)');
  // Only the furthest position of a shard counts; the others have served.
  await connection.run(
    `DELETE FROM log_position p WHERE next < (SELECT max(next) FROM log_position q WHERE q.uid = p.uid AND q.shard = p.shard)`,
  );
  const reader = await connection.runAndReadAll('SELECT version FROM index_layout');
  const [row] = reader.getRows();
  if (row === undefined) await connection.run(`INSERT INTO index_layout VALUES (${layoutVersion})`);
  else if (row[0] !== layoutVersion)
    throw new Error(`the index has layout ${String(row[0])}, wanted is ${layoutVersion}`);
}
