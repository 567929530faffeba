import { messageOf } from '@sampan/base';
import type { Client } from 'pg';
import { devstackErrors } from './errors.ts';

/** How to reach the server that holds the databases, as its superuser. */
export interface DatabaseServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** Creates the databases that are absent, and their owner; returns the names of those it made. */
export async function ensureDatabases(
  server: DatabaseServer,
  want: { readonly databases: readonly string[]; readonly owner: string },
): Promise<string[]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ ...server, database: 'postgres', connectionTimeoutMillis: 10_000 });
  // A connection that breaks between two statements also emits an event, which must not end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    if (want.owner !== server.user) await ensureOwner(client, want.owner, server.password);
    const present = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
    const known = new Set(present.rows.map((row) => row.datname));
    const absent = want.databases.filter((name) => !known.has(name));
    for (const name of absent) {
      await client.query(
        `CREATE DATABASE ${client.escapeIdentifier(name)} OWNER ${client.escapeIdentifier(want.owner)}`,
      );
    }
    return absent;
  } catch (error) {
    throw devstackErrors.create('DEVSTACK_DATABASE_FAILED', {
      message: `cannot create the databases ${want.databases.join(', ')} at ${server.host}:${server.port}: ${messageOf(error)}`,
      hint: 'if secrets.json was edited while the cluster stayed, its password no longer fits: delete secrets.json, and the next start makes a new one',
      cause: error,
    });
  } finally {
    await client.end().catch(() => {});
  }
}

/** A superuser like the default role, so that a database made under another owner stays usable. */
async function ensureOwner(client: Client, name: string, password: string): Promise<void> {
  const role = client.escapeIdentifier(name);
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
  if (rowCount === 0) await client.query(`CREATE ROLE ${role}`);
  await client.query(`ALTER ROLE ${role} LOGIN SUPERUSER PASSWORD ${client.escapeLiteral(password)}`);
}
