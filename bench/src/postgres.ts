import { startTestPostgres } from '@sampan/postgres/testing';
import pg from 'pg';

/** A PostgreSQL with the tables of pgbench at scale 1 and its durability as installed. */
export interface BenchPostgres extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'postgres';
  readonly password: string;
  readonly database: 'bench';
}

const tables = [
  'CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88))',
  'CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84))',
  'CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84))',
  'CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))',
  'INSERT INTO pgbench_branches VALUES (1, 0)',
  'INSERT INTO pgbench_tellers SELECT n, 1, 0 FROM generate_series(1, 10) AS n',
  "INSERT INTO pgbench_accounts SELECT n, 1, 0, '' FROM generate_series(1, 100000) AS n",
  'CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content text NOT NULL)',
  'VACUUM ANALYZE',
].join(';');

/** Starts PostgreSQL, and makes the tables. */
export async function startPostgres(): Promise<BenchPostgres> {
  const database = 'bench';
  const settings = { max_connections: '200' };
  const server = await startTestPostgres({ isDurable: true, databases: [database], settings });
  const { host, port, user, password } = server;
  try {
    const client = new pg.Client({ host, port, user, password, database });
    await client.connect();
    for (const statement of tables.split(';')) await client.query(statement);
    await client.end();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { ...server, database };
}
