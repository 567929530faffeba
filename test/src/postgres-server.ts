import { startTestPostgres } from '@sampan/postgres/testing';
import pg from 'pg';

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
export async function startPostgresServer(): Promise<PostgresServer> {
  const server = await startTestPostgres({ databases: ['app'], password: 'secret of the tests' });
  const { host, port, user, password } = server;
  return {
    ...server,
    database: 'app',
    async connect(database = 'app') {
      const client = new pg.Client({ host, port, user, password, database });
      // A server that a test stops must not end the test run.
      client.on('error', () => {});
      await client.connect();
      return client;
    },
  };
}
