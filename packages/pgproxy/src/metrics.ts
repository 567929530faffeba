import { createServer, type Server } from 'node:http';
import { type AdminView, count } from './admin/tables.ts';
import { type Totals, totalsOf } from './admin/totals.ts';
import type { ClientSession } from './client/client-session.ts';
import type { Pool } from './server/pool.ts';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [Labels, number];

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** One metric in the text format of Prometheus (version 0.0.4). */
function metric(
  name: string,
  what: { readonly type: 'gauge' | 'counter'; readonly help: string },
  samples: readonly Sample[],
): string {
  const lines = samples.map(([labels, value]) => `pgproxy_${name}${labelsOf(labels)} ${value}`);
  return [`# HELP pgproxy_${name} ${what.help}`, `# TYPE pgproxy_${name} ${what.type}`, ...lines].join('\n');
}

type Metric = readonly [name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]];

/** Everything the proxy counts, as Prometheus reads it. Names clients, addresses and statements nowhere. */
export function metricsText(view: AdminView): string {
  const all = [...componentMetrics(view), ...poolMetrics(view), ...totalMetrics(view)];
  return `${all.map(([name, type, help, samples]) => metric(name, { type, help }, samples)).join('\n')}\n`;
}

function componentMetrics(view: AdminView): Metric[] {
  const { scheduler } = view.pools;
  type One = (typeof scheduler.components)[number];
  const per = (value: (component: One) => number): Sample[] =>
    scheduler.components.map((one) => [{ component: one.share.name }, value(one)]);
  const clients = (accept: (client: ClientSession) => boolean): Sample[] =>
    per((one) => count(view.clients, (client) => client.component === one && accept(client)));
  const waitSeconds = per((one) => scheduler.longestWaitMs(one) / 1000);
  return [
    ['clients', 'gauge', 'Clients past their login.', clients(() => true)],
    ['clients_waiting', 'gauge', 'Clients that wait for a server.', clients((one) => one.isWaiting)],
    ['clients_pinned', 'gauge', 'Clients that keep a server.', clients((one) => one.pinnedBy !== undefined)],
    ['component_in_use', 'gauge', 'Server connections in use.', per((one) => one.inUse)],
    ['component_guaranteed', 'gauge', 'Server connections guaranteed.', per((one) => one.share.guaranteed)],
    ['component_max', 'gauge', 'Server connections never exceeded.', per((one) => one.share.max)],
    ['component_longest_wait_seconds', 'gauge', 'Age of the oldest waiting request.', waitSeconds],
    ['component_granted_total', 'counter', 'Server connections lent.', per((one) => one.granted)],
    ['component_refused_total', 'counter', 'Requests over queueMax.', per((one) => one.refused)],
    ['component_timed_out_total', 'counter', 'Requests over queueTimeoutMs.', per((one) => one.timedOut)],
  ];
}

function poolMetrics(view: AdminView): Metric[] {
  const all = [...view.pools.pools.values()];
  const per = (value: (pool: Pool) => number): Sample[] =>
    all.map((pool) => [{ database: pool.database, user: pool.user }, value(pool)]);
  const total = (value: (totals: Totals) => number): Sample[] => per((pool) => value(totalsOf(pool)));
  return [
    ['pool_servers', 'gauge', 'Sessions of a pool.', per((pool) => pool.servers.size)],
    ['pool_servers_idle', 'gauge', 'Sessions of a pool nobody holds.', per((pool) => pool.idle.length)],
    ['transactions_total', 'counter', 'Transactions.', total((one) => one.transactions)],
    ['queries_total', 'counter', 'Requests answered.', total((one) => one.queries)],
    ['received_bytes_total', 'counter', 'From clients.', total((one) => one.receivedBytes)],
    ['sent_bytes_total', 'counter', 'From PostgreSQL.', total((one) => one.sentBytes)],
    ['wait_seconds_total', 'counter', 'Time clients waited.', total((one) => one.waitMs / 1000)],
  ];
}

function totalMetrics(view: AdminView): Metric[] {
  const { scheduler, pins, refusedStates, cancels, open } = view.pools;
  return [
    ['servers', 'gauge', 'Connections to PostgreSQL, also those being opened or closed.', [[{}, open]]],
    ['servers_max', 'gauge', 'The option server.connections.', [[{}, scheduler.total]]],
    ['pins_total', 'counter', 'Clients that began to keep a server for its state.', [[{}, pins]]],
    ['refused_states_total', 'counter', 'Statements refused for session state.', [[{}, refusedStates]]],
    ['cancels_total', 'counter', 'Cancel requests sent to PostgreSQL.', [[{}, cancels]]],
  ];
}

/** Serves `GET /metrics`, and nothing else. */
export async function serveMetrics(options: {
  readonly host: string;
  readonly port: number;
  readonly text: () => string;
}): Promise<{ readonly port: number; stop(): void }> {
  const server: Server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('try /metrics\n');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(options.text());
  });
  server.headersTimeout = 5000;
  server.requestTimeout = 5000;
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
