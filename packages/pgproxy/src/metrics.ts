import { createServer, type Server } from 'node:http';
import type { AdminView } from './admin/tables.ts';
import { totalsOf } from './admin/totals.ts';

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

/** Everything the proxy counts, as Prometheus reads it. Names clients, users and statements nowhere. */
export function metricsText(view: AdminView): string {
  const { scheduler, pools, pins, refusedStates, cancels, open } = view.pools;
  const gauge = (name: string, help: string, samples: readonly Sample[]): string =>
    metric(name, { type: 'gauge', help }, samples);
  const counter = (name: string, help: string, samples: readonly Sample[]): string =>
    metric(name, { type: 'counter', help }, samples);
  type One = (typeof scheduler.components)[number];
  const perComponent = (value: (component: One) => number): Sample[] =>
    scheduler.components.map((one) => [{ component: one.share.name }, value(one)]);
  const clients = (accept: (client: { state: string; pinnedBy: unknown; isWaiting: boolean }) => boolean) =>
    perComponent(
      (one) => [...view.clients].filter((client) => client.component === one && accept(client)).length,
    );
  const all = [...pools.values()];
  const perPool = (value: (pool: (typeof all)[number]) => number): Sample[] =>
    all.map((pool) => [{ database: pool.database, user: pool.user }, value(pool)]);
  return `${[
    gauge(
      'clients',
      'Clients past their login.',
      clients(() => true),
    ),
    gauge(
      'clients_waiting',
      'Clients that wait for a server.',
      clients((one) => one.isWaiting),
    ),
    gauge(
      'clients_pinned',
      'Clients that keep a server between transactions.',
      clients((one) => one.pinnedBy !== undefined),
    ),
    gauge(
      'component_in_use',
      'Server connections in use.',
      perComponent((one) => one.inUse),
    ),
    gauge(
      'component_guaranteed',
      'Server connections guaranteed.',
      perComponent((one) => one.share.guaranteed),
    ),
    gauge(
      'component_max',
      'Server connections never exceeded.',
      perComponent((one) => one.share.max),
    ),
    gauge(
      'component_longest_wait_seconds',
      'Age of the oldest waiting request.',
      perComponent((one) => scheduler.longestWaitMs(one) / 1000),
    ),
    counter(
      'component_granted_total',
      'Server connections lent.',
      perComponent((one) => one.granted),
    ),
    counter(
      'component_refused_total',
      'Requests refused because the queue was full.',
      perComponent((one) => one.refused),
    ),
    counter(
      'component_timed_out_total',
      'Requests refused after queueTimeoutMs.',
      perComponent((one) => one.timedOut),
    ),
    gauge('servers', 'Connections to PostgreSQL, those being opened and closed too.', [[{}, open]]),
    gauge('servers_max', 'The option server.connections.', [[{}, scheduler.total]]),
    gauge(
      'pool_servers',
      'Sessions of a pool.',
      perPool((pool) => pool.servers.size),
    ),
    gauge(
      'pool_servers_idle',
      'Sessions of a pool that nobody holds.',
      perPool((pool) => pool.idle.length),
    ),
    counter(
      'transactions_total',
      'Transactions.',
      perPool((pool) => totalsOf(pool).transactions),
    ),
    counter(
      'queries_total',
      'Requests that ended with ReadyForQuery.',
      perPool((pool) => totalsOf(pool).queries),
    ),
    counter(
      'received_bytes_total',
      'From clients.',
      perPool((pool) => totalsOf(pool).receivedBytes),
    ),
    counter(
      'sent_bytes_total',
      'From PostgreSQL.',
      perPool((pool) => totalsOf(pool).sentBytes),
    ),
    counter(
      'wait_seconds_total',
      'Time clients waited for a server.',
      perPool((pool) => totalsOf(pool).waitMs / 1000),
    ),
    counter('pins_total', 'Clients that began to keep a server because of session state.', [[{}, pins]]),
    counter('refused_states_total', 'Statements refused because they leave session state.', [
      [{}, refusedStates],
    ]),
    counter('cancels_total', 'Cancel requests sent to PostgreSQL.', [[{}, cancels]]),
  ].join('\n')}\n`;
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
