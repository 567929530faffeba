import type { Invariant } from './plan.ts';

/** Part of max_connections that may be planned; the rest is for peaks, tools and failover. */
export const safePart = 0.9;

interface Rule {
  readonly key: string;
  readonly title: string;
  readonly formula: string;
  readonly unit: string;
  readonly actual: number;
  readonly limit: number;
  /** Above `limit` but not above this, the plan is tight instead of broken. */
  readonly hardLimit?: number;
}

/** Judges `actual ≤ limit`. */
export function judge({ hardLimit, ...rule }: Rule): Invariant {
  const slack = rule.limit - rule.actual;
  const isTight = slack < 0 && hardLimit !== undefined && rule.actual <= hardLimit;
  return { ...rule, slack, status: slack >= 0 ? 'holds' : isTight ? 'tight' : 'broken' };
}

export interface ConnectionTotals {
  readonly clientConnections: number;
  readonly maxConnections: number;
  readonly reservedConnections: number;
}

/** Connections without a proxy: everything the components may open reaches PostgreSQL. */
export function directInvariant(totals: ConnectionTotals): Invariant {
  return judge({
    key: 'connections.direct',
    title: 'what the components may open fits PostgreSQL',
    formula: 'clients.connections ≤ 0.9 × postgres.maxConnections',
    unit: 'connections',
    actual: totals.clientConnections,
    limit: Math.floor(safePart * totals.maxConnections),
    hardLimit: totals.maxConnections - totals.reservedConnections,
  });
}

export interface ProxyTotals extends ConnectionTotals {
  readonly serverConnections: number;
  readonly clientConnectionsMax: number;
  readonly guaranteed: number;
}

/** Connections with a proxy: both of its sides, and its shares. */
export function proxyInvariants(totals: ProxyTotals): Invariant[] {
  return [
    judge({
      key: 'connections.clients',
      title: 'the proxy accepts what the components may open',
      formula: 'clients.connections ≤ proxy.clientConnectionsMax',
      unit: 'connections',
      actual: totals.clientConnections,
      limit: totals.clientConnectionsMax,
    }),
    judge({
      key: 'connections.server',
      title: "the proxy's own connections fit PostgreSQL",
      formula: 'proxy.serverConnections + postgres.reservedConnections ≤ 0.9 × postgres.maxConnections',
      unit: 'connections',
      actual: totals.serverConnections + totals.reservedConnections,
      limit: Math.floor(safePart * totals.maxConnections),
      hardLimit: totals.maxConnections,
    }),
    judge({
      key: 'shares.guaranteed',
      title: 'no component can starve another',
      formula: 'sum of guaranteed shares ≤ proxy.serverConnections',
      unit: 'connections',
      actual: totals.guaranteed,
      limit: totals.serverConnections,
    }),
  ];
}

/** Room for every run under way in the component that holds it. */
export function slotInvariant(component: 'api' | 'worker', running: number, slots: number): Invariant {
  const formula =
    component === 'api'
      ? 'load.running ≤ api.replicas × api.processes × api.workerConnections'
      : 'load.running ≤ worker.replicas × worker.concurrency';
  return judge({
    key: `slots.${component}`,
    title: `the ${component} holds every run under way`,
    formula,
    unit: 'runs',
    actual: running,
    limit: slots,
  });
}
