import { type AdminView, count, type Table, tableOf } from './tables.ts';
import type { Totals } from './totals.ts';

const microseconds = (ms: number): number => Math.round(ms * 1000);

function databases(view: AdminView): string[] {
  return [...new Set(Array.from(view.pools.pools.values(), ({ database }) => database))];
}

/** `SHOW DATABASES`: those that clients have asked for so far, as every database is served. */
export function showDatabases(view: AdminView): Table {
  const { host, port } = view.options().server;
  const poolsOf = (database: string) =>
    [...view.pools.pools.values()].filter((pool) => pool.database === database);
  return tableOf<string>(
    databases(view),
    {
      name: (database) => database,
      host: () => host,
      port: () => port,
      database: (database) => database,
      force_user: () => view.options().server.user ?? null,
      pool_size: () => view.options().server.connections,
      min_pool_size: () => 0,
      reserve_pool_size: () => 0,
      server_lifetime: () => Math.round(view.options().server.lifetimeMs / 1000),
      pool_mode: () => view.poolMode(),
      load_balance_hosts: () => null,
      max_connections: () => 0,
      current_connections: (database) => poolsOf(database).reduce((sum, pool) => sum + pool.servers.size, 0),
      max_client_connections: () => 0,
      current_client_connections: (database) => count(view.clients, (client) => client.database === database),
      paused: (database) => (view.pools.isPaused(database) ? 1 : 0),
      disabled: (database) => (view.operation.isDisabled(database) ? 1 : 0),
    },
    [
      'port',
      'pool_size',
      'min_pool_size',
      'reserve_pool_size',
      'server_lifetime',
      'max_connections',
      'current_connections',
      'max_client_connections',
      'current_client_connections',
      'paused',
      'disabled',
    ],
  );
}

const totalColumns: Record<string, (totals: Totals) => number> = {
  total_xact_count: (totals) => totals.transactions,
  total_query_count: (totals) => totals.queries,
  total_received: (totals) => totals.receivedBytes,
  total_sent: (totals) => totals.sentBytes,
  total_xact_time: (totals) => microseconds(totals.transactionMs),
  total_wait_time: (totals) => microseconds(totals.waitMs),
};

/** `SHOW STATS_TOTALS`. PgBouncer's `total_query_time` is missing: measuring it would cost every message. */
export function showTotals(view: AdminView): Table {
  const rows = [...view.totals.now()];
  const columns = Object.entries(totalColumns).map(
    ([name, cell]) => [name, ([, totals]: (typeof rows)[number]) => cell(totals)] as const,
  );
  return tableOf<(typeof rows)[number]>(
    rows,
    { database: ([database]) => database, ...Object.fromEntries(columns) },
    Object.keys(totalColumns),
  );
}

/** `SHOW STATS`: totals, and averages of the last whole minute. */
export function showStats(view: AdminView): Table {
  const totals = showTotals(view);
  const average: Record<string, (of: Totals & { seconds: number }) => number> = {
    avg_xact_count: (of) => of.transactions / of.seconds,
    avg_query_count: (of) => of.queries / of.seconds,
    avg_recv: (of) => of.receivedBytes / of.seconds,
    avg_sent: (of) => of.sentBytes / of.seconds,
    avg_xact_time: (of) => microseconds(of.transactionMs / Math.max(1, of.transactions)),
    avg_wait_time: (of) => microseconds(of.waitMs / of.seconds),
  };
  const cells = Object.values(average);
  return {
    columns: [...totals.columns, ...Object.keys(average).map((name) => ({ name, type: 'integer' as const }))],
    rows: totals.rows.map((row) => {
      const period = view.totals.lastPeriod(String(row[0]));
      return [...row, ...cells.map((cell) => Math.round(cell(period)))];
    }),
  };
}

/** `SHOW CONFIG`: every option that is one value; none of them is a secret. */
export function showConfig(view: AdminView): Table {
  const options = view.options();
  const rows = [...scalars('', { ...options, server: options.server })].filter(([key]) => !isSecret(key));
  return tableOf<[string, string]>(
    rows,
    {
      key: ([key]) => key,
      value: ([, value]) => value,
      changeable: ([key]) => (/^(?:listen|metrics)\./.test(key) ? 'no' : 'yes'),
    },
    [],
  );
}

const isSecret = (key: string): boolean => /password|\.key$|\.cert$|\.ca$/i.test(key);

function* scalars(prefix: string, value: object): Generator<[string, string]> {
  for (const [name, one] of Object.entries(value)) {
    if (typeof one === 'object' && one !== null) {
      if (!Array.isArray(one)) yield* scalars(`${prefix}${name}.`, one);
    } else if (one !== undefined) {
      yield [`${prefix}${name}`, String(one)];
    }
  }
}

/** `SHOW USERS`. */
export function showUsers(view: AdminView): Table {
  return tableOf(
    view.options().users,
    {
      name: (user) => user.name,
      pool_mode: (user) => user.poolMode ?? null,
      auth: (user) => user.auth ?? 'scram',
      server_user: (user) => user.serverUser ?? view.options().server.user ?? user.name,
      current_client_connections: (user) => count(view.clients, (client) => client.user === user.name),
    },
    ['current_client_connections'],
  );
}

/** `SHOW LISTS`: how many there are of what. */
export function showLists(view: AdminView): Table {
  const servers = [...view.pools.pools.values()].flatMap((pool) => [...pool.servers]);
  const rows: [string, number][] = [
    ['databases', databases(view).length],
    ['users', view.options().users.length],
    ['pools', view.pools.pools.size],
    ['components', view.pools.scheduler.components.length],
    ['login_clients', count(view.clients, (client) => client.state === 'login')],
    ['used_clients', view.clients.size],
    ['waiting_clients', count(view.clients, (client) => client.isWaiting)],
    ['pinned_clients', count(view.clients, (client) => client.pinnedBy !== undefined)],
    ['used_servers', count(servers, (server) => server.state === 'active')],
    ['free_servers', count(servers, (server) => server.state === 'idle')],
    ['pins', view.pools.pins],
    ['cancels', view.pools.cancels],
  ];
  return tableOf<[string, number]>(rows, { list: ([list]) => list, items: ([, items]) => items }, ['items']);
}

/** `SHOW MEM`: the process, in bytes. */
export function showMemory(): Table {
  const rows = Object.entries(process.memoryUsage());
  return tableOf<[string, number]>(rows, { name: ([name]) => name, memtotal: ([, bytes]) => bytes }, [
    'memtotal',
  ]);
}

/** `SHOW STATE`. */
export function showState(view: AdminView): Table {
  const isPaused = view.pools.isPaused(undefined);
  const rows: [string, boolean][] = [
    ['active', !isPaused],
    ['paused', isPaused],
    ['suspended', false],
  ];
  return tableOf<[string, boolean]>(
    rows,
    { key: ([key]) => key, value: ([, is]) => (is ? 'yes' : 'no') },
    [],
  );
}
