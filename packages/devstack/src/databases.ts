import { messageOf } from '@sampan/base';
import { devstackErrors } from './errors.ts';

/** How to reach the server that holds the databases. */
export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** Creates the databases that are absent; returns their names. */
export async function ensureDatabases(server: DatabaseServer, names: readonly string[]): Promise<string[]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ ...server, database: 'postgres', connectionTimeoutMillis: 10_000 });
  // A connection that breaks between two statements also emits an event, which must not end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    const present = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
    const known = new Set(present.rows.map((row) => row.datname));
    const absent = names.filter((name) => !known.has(name));
    for (const name of absent) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    return absent;
  } catch (error) {
    throw devstackErrors.create('DEVSTACK_DATABASE_FAILED', {
      message: `cannot create the databases ${names.join(', ')} at ${server.host}:${server.port}: ${messageOf(error)}`,
      hint: 'if secrets.json was deleted while the cluster stayed, the password no longer fits: `sampan reset` makes both anew',
      cause: error,
    });
  } finally {
    await client.end().catch(() => {});
  }
}
