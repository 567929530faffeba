import { createCertificate } from '@sampan/base';
import { createTemporaryFolder } from '@sampan/testkit';
import pg from 'pg';
import { startPgProxyProcess } from './apps.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import type { ReadyProcess } from './running-process.ts';

/** Where a client connects to. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** The proxy as a process, in front of a PostgreSQL of its own. */
export interface ProxiedPostgres extends AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly proxy: ReadyProcess & { readonly port: number };
  readonly direct: PostgresAddress;
  readonly proxied: PostgresAddress;
  /** A client through the proxy. */
  connect(more?: pg.ClientConfig): Promise<pg.Client>;
  /** Hangs up for every client, so that a failed test does not stand in the way of the next. */
  hangUp(): void;
  /** Rows of an admin command, with column names in lower case. */
  show(command: string): Promise<Record<string, string>[]>;
  /** Server connections of the proxy as PostgreSQL counts them. */
  serverConnections(): Promise<{ pid: number; state: string; query: string }[]>;
}

/** One component that everybody belongs to. */
function everybody(connections: number): Record<string, unknown>[] {
  return [{ name: 'everybody', match: {}, guaranteed: connections, max: connections, queueMax: 1000 }];
}

export interface ProxiedOptions {
  /** Server connections that the proxy may hold. */
  readonly connections: number;
  readonly components?: readonly Record<string, unknown>[];
}

/** Starts PostgreSQL and, before it, the proxy. */
export async function startProxiedPostgres(options: ProxiedOptions): Promise<ProxiedPostgres> {
  const postgres = await startPostgresServer();
  const folder = await createTemporaryFolder();
  const { user, password, database } = postgres;
  const certificate = await createCertificate(['localhost']);
  const proxy = await startPgProxyProcess(folder.path, {
    listen: { host: '127.0.0.1', port: 0 },
    server: { host: postgres.host, port: postgres.port, connections: options.connections, user, password },
    users: [
      { name: user, password, auth: 'scram' },
      { name: 'md5user', password: 'md5 secret', auth: 'md5', serverUser: user, serverPassword: password },
      { name: 'guest', auth: 'trust', serverUser: user, serverPassword: password },
    ],
    tls: certificate,
    adminUsers: [user],
    components: options.components ?? everybody(options.connections),
  }).catch(async (error: unknown) => {
    await postgres[Symbol.asyncDispose]();
    throw error;
  });
  const observer = await postgres.connect();
  await observer.query("SET application_name = 'observer'");
  const pids = async () => {
    const { rows } = await observer.query<{ pid: number; state: string; query: string }>(
      "SELECT pid, state, query FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    return rows;
  };
  const proxied = { host: '127.0.0.1', port: proxy.port, user, password, database };

  const clients = new Set<pg.Client>();
  async function connect(more: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = new pg.Client({ ...proxied, ...more });
    clients.add(client);
    client.once('end', () => clients.delete(client));
    // A client that a test kills must not end the test run.
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  return {
    postgres,
    proxy,
    direct: { ...proxied, port: postgres.port },
    proxied,
    connect,
    hangUp() {
      for (const client of clients) {
        (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      }
      clients.clear();
    },
    async show(command) {
      const client = await connect({ database: 'pgproxy' });
      try {
        const { rows } = await client.query<Record<string, unknown>>(`SHOW ${command}`);
        return rows.map((row) =>
          Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), String(value)])),
        );
      } finally {
        await client.end();
      }
    },
    serverConnections: pids,
    [Symbol.asyncDispose]: async () => {
      await observer.end();
      await proxy.stop();
      await postgres[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
