import type { ClientSession } from '../client/client-session.ts';
import type { Operation } from '../operation.ts';
import type { ResolvedOptions } from '../options.ts';
import type { Component } from '../schedule/scheduler.ts';
import type { Borrower, Pool } from '../server/pool.ts';
import type { ServerConnection } from '../server/server-connection.ts';
import type { ServerPools } from '../server/server-pools.ts';
import type { TotalsBook } from './totals.ts';

/** A result of the console. Columns ending in a type other than text say so. */
export interface Table {
  readonly columns: readonly { readonly name: string; readonly type: 'text' | 'integer' }[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** What the console may look at. */
export interface AdminView {
  readonly pools: ServerPools;
  readonly clients: ReadonlySet<ClientSession>;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  readonly version: string;
  readonly poolMode: () => string;
  readonly options: () => ResolvedOptions;
  readonly operation: Operation;
  /** Whether a user may do more than look. */
  readonly mayChange: (user: string) => boolean;
  readonly totals: TotalsBook;
}

type Cell = string | number | null;

export function tableOf<T>(
  items: Iterable<T>,
  columns: Record<string, (item: T) => Cell>,
  numbers: readonly string[],
): Table {
  const names = Object.keys(columns);
  const cells = Object.values(columns);
  return {
    columns: names.map((name) => ({ name, type: numbers.includes(name) ? 'integer' : 'text' })),
    rows: Array.from(items, (item) => cells.map((cell) => cell(item))),
  };
}

export const count = <T>(items: Iterable<T>, accept: (item: T) => boolean): number => {
  let found = 0;
  for (const item of items) if (accept(item)) found++;
  return found;
};

const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

const maxWaitMs = (clients: Iterable<ClientSession>, nowMs: number): number => {
  let longest = 0;
  for (const client of clients) {
    if (client.isWaiting) longest = Math.max(longest, nowMs - client.requestedAtMs);
  }
  return longest;
};

/** `SHOW POOLS`, with PgBouncer's columns. */
export function showPools(view: AdminView): Table {
  const clientsOf = (pool: Pool): ClientSession[] =>
    [...view.clients].filter((client) => client.pool === pool);
  const servers = (accept: (server: ServerConnection) => boolean) => (pool: Pool) =>
    count(pool.servers, accept);
  const wait = (pool: Pool): number => maxWaitMs(clientsOf(pool), view.nowMs());
  return tableOf<Pool>(
    view.pools.pools.values(),
    {
      database: (pool) => pool.database,
      user: (pool) => pool.user,
      cl_active: (pool) => count(clientsOf(pool), (client) => !client.isWaiting),
      cl_waiting: (pool) => count(clientsOf(pool), (client) => client.isWaiting),
      cl_active_cancel_req: servers((server) => server.cancelsInFlight > 0),
      cl_waiting_cancel_req: servers((server) => server.isCancelWanted),
      sv_active: servers((server) => server.state === 'active'),
      sv_active_cancel: servers((server) => server.cancelsInFlight > 0),
      sv_being_canceled: servers((server) => server.cancelsInFlight > 0 || server.state === 'reset'),
      sv_idle: servers((server) => server.state === 'idle'),
      sv_used: () => 0,
      sv_tested: () => 0,
      sv_login: (pool) => pool.connecting,
      maxwait: (pool) => Math.floor(wait(pool) / 1000),
      maxwait_us: (pool) => Math.floor((wait(pool) % 1000) * 1000),
      pool_mode: () => view.poolMode(),
      load_balance_hosts: () => null,
    },
    [
      'cl_active',
      'cl_waiting',
      'cl_active_cancel_req',
      'cl_waiting_cancel_req',
      'sv_active',
      'sv_active_cancel',
    ].concat(['sv_being_canceled', 'sv_idle', 'sv_used', 'sv_tested', 'sv_login', 'maxwait', 'maxwait_us']),
  );
}

const connectionNumbers = [
  'port',
  'local_port',
  'wait',
  'wait_us',
  'close_needed',
  'remote_pid',
  'prepared_statements',
  'id',
];

/** `SHOW CLIENTS`, with PgBouncer's columns and the component. */
export function showClients(view: AdminView): Table {
  const waitMs = (client: ClientSession): number =>
    client.isWaiting ? view.nowMs() - client.requestedAtMs : 0;
  return tableOf<ClientSession>(
    view.clients,
    {
      type: () => 'C',
      user: (client) => client.user,
      database: (client) => client.database,
      state: (client) => (client.isWaiting ? 'waiting' : client.state === 'active' ? 'active' : client.state),
      addr: (client) => client.transport.remoteAddress,
      port: (client) => client.transport.remotePort,
      local_addr: (client) => client.transport.localAddress,
      local_port: (client) => client.transport.localPort,
      connect_time: (client) => timeOf(client.connectedAtMs),
      request_time: (client) => timeOf(client.requestedAtMs),
      wait: (client) => Math.floor(waitMs(client) / 1000),
      wait_us: (client) => Math.floor((waitMs(client) % 1000) * 1000),
      close_needed: () => 0,
      ptr: (client) => `client-${client.processId}`,
      link: (client) => (client.server === undefined ? '' : `server-${client.server.processId}`),
      remote_pid: () => 0,
      tls: (client) => (client.transport.isEncrypted ? 'TLS' : ''),
      application_name: (client) => client.applicationName,
      prepared_statements: (client) => client.statements.size,
      id: (client) => client.processId,
      component: (client) => client.component.share.name,
      pool_mode: (client) => client.poolMode,
      pinned: (client) => client.pinnedBy ?? '',
    },
    connectionNumbers,
  );
}

/** `SHOW SERVERS`, with PgBouncer's columns and the component whose share each one uses. */
export function showServers(view: AdminView): Table {
  const clientOf = new Map<ServerConnection, ClientSession>();
  for (const client of view.clients) if (client.server !== undefined) clientOf.set(client.server, client);
  const rows = [...view.pools.pools.values()].flatMap((pool) =>
    Array.from(pool.servers, (server) => ({ pool, server, client: clientOf.get(server) })),
  );
  return tableOf<(typeof rows)[number]>(
    rows,
    {
      type: () => 'S',
      user: ({ pool }) => pool.user,
      database: ({ pool }) => pool.database,
      state: ({ server }) => server.state,
      addr: ({ server }) => server.address.host,
      port: ({ server }) => server.address.port,
      local_addr: ({ server }) => server.transport.localAddress,
      local_port: ({ server }) => server.transport.localPort,
      connect_time: ({ server }) => timeOf(server.connectedAtMs),
      request_time: ({ client }) => (client === undefined ? null : timeOf(client.requestedAtMs)),
      wait: () => 0,
      wait_us: () => 0,
      close_needed: ({ server }) => (server.isSpent ? 1 : 0),
      ptr: ({ server }) => `server-${server.processId}`,
      link: ({ client }) => (client === undefined ? '' : `client-${client.processId}`),
      remote_pid: ({ server }) => server.processId,
      tls: ({ server }) => (server.transport.isEncrypted ? 'TLS' : ''),
      application_name: ({ server }) => server.profile.reported.get('application_name') ?? '',
      prepared_statements: ({ server }) => server.prepared.size,
      id: ({ server }) => server.processId,
      component: ({ server }) => view.pools.componentOf(server)?.share.name ?? '',
    },
    connectionNumbers,
  );
}

/** `SHOW COMPONENTS`: shares, use and queues. */
export function showComponents(view: AdminView): Table {
  const clients = (component: Component<Borrower>): number =>
    count(view.clients, (client) => client.component === component);
  const columns: Record<string, (component: Component<Borrower>) => Cell> = {
    component: (component) => component.share.name,
    guaranteed: (component) => component.share.guaranteed,
    max: (component) => component.share.max,
    weight: (component) => component.share.weight,
    in_use: (component) => component.inUse,
    borrowed: (component) => Math.max(0, component.inUse - component.share.guaranteed),
    pinned: (component) =>
      count(view.clients, (client) => client.component === component && client.pinnedBy !== undefined),
    clients,
    waiting: (component) => component.waiting.size,
    queue_max: (component) => component.share.queueMax,
    queue_timeout_ms: (component) => component.share.queueTimeoutMs,
    maxwait_ms: (component) => Math.floor(view.pools.scheduler.longestWaitMs(component)),
    granted: (component) => component.granted,
    refused: (component) => component.refused,
    timed_out: (component) => component.timedOut,
  };
  const numbers = Object.keys(columns).filter((name) => name !== 'component');
  return tableOf(view.pools.scheduler.components, columns, numbers);
}

/** `SHOW HOLDERS`: who has a server now, for how long, and with which statement; the longest first. */
export function showHolders(view: AdminView): Table {
  const rows = [...view.clients]
    .flatMap((client) => (client.server === undefined ? [] : [{ client, server: client.server }]))
    .sort((a, b) => a.server.lentAtMs - b.server.lentAtMs);
  return tableOf<(typeof rows)[number]>(
    rows,
    {
      component: ({ client }) => client.component.share.name,
      user: ({ client }) => client.user,
      database: ({ client }) => client.database,
      application_name: ({ client }) => client.applicationName,
      client: ({ client }) => `client-${client.processId}`,
      addr: ({ client }) => client.transport.remoteAddress,
      port: ({ client }) => client.transport.remotePort,
      server_pid: ({ server }) => server.processId,
      held_ms: ({ server }) => Math.floor(view.monotonicMs() - server.lentAtMs),
      state: ({ server }) => holderState(server),
      pinned: ({ client }) => client.pinnedBy ?? '',
      statement: ({ client }) => client.trace.text,
    },
    ['port', 'server_pid', 'held_ms'],
  );
}

/** In the words of `pg_stat_activity.state`. */
function holderState(server: ServerConnection): string {
  if (server.replies.size > 0) return 'active';
  if (server.status === 'T') return 'idle in transaction';
  return server.status === 'E' ? 'idle in transaction (aborted)' : 'idle';
}

export function showVersion(view: AdminView): Table {
  return { columns: [{ name: 'version', type: 'text' }], rows: [[`Sampan pgproxy ${view.version}`]] };
}
