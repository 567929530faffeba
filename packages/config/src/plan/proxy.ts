import type { Config } from '../schema/schema.ts';
import type { ComponentPlan, ProxyPlan, ProxyShare } from './plan.ts';
import type { Sheet } from './sheet.ts';

/** Part of the server connections that is guaranteed; the rest is lent to whoever needs it. */
const guaranteedPart = 0.8;
/** Clients beside Dify: the admin console, a migration, psql. */
const otherClients = 20;
/** Server connections that everything beside Dify may hold together. */
const otherMax = 10;

export interface ProxyInputs {
  readonly sheet: Sheet;
  readonly pgproxy: Config['pgproxy'];
  readonly components: readonly ComponentPlan[];
  /** What PostgreSQL leaves to the proxy. */
  readonly serverCeiling: number;
  readonly clientConnections: number;
}

/** Shares the server connections out, so that no component can starve another. */
export function planProxy(inputs: ProxyInputs): ProxyPlan {
  const { sheet, pgproxy, serverCeiling, clientConnections } = inputs;
  const serverConnections = sheet.choose(
    'proxy.serverConnections',
    'connections',
    pgproxy.serverConnections,
    () =>
      sheet.derive(
        'proxy.serverConnections',
        'connections',
        'min(postgres.forProxy, clients.connections)',
        { 'postgres.forProxy': serverCeiling, 'clients.connections': clientConnections },
        Math.min(serverCeiling, clientConnections),
      ),
  );
  const clientConnectionsMax = sheet.choose(
    'proxy.clientConnectionsMax',
    'connections',
    pgproxy.clientConnectionsMax,
    () =>
      sheet.derive(
        'proxy.clientConnectionsMax',
        'connections',
        'clients.connections + others',
        { 'clients.connections': clientConnections, others: otherClients },
        clientConnections + otherClients,
      ),
  );
  return { serverConnections, clientConnectionsMax, shares: planShares(inputs, serverConnections) };
}

function planShares(inputs: ProxyInputs, serverConnections: number): ProxyShare[] {
  const { sheet, pgproxy, components } = inputs;
  const lone = (name: string) =>
    sheet.derive(
      `${name}.guaranteed`,
      'connections',
      'min(1, floor(proxy.serverConnections / 10))',
      { 'proxy.serverConnections': serverConnections },
      Math.min(1, Math.floor(serverConnections / 10)),
    );
  const otherGuaranteed = lone('other');
  const askedOf = (component: ComponentPlan) => pgproxy.components[component.name];
  const fixed = new Map<string, number>();
  for (const component of components) {
    const { guaranteed } = askedOf(component);
    if (guaranteed !== undefined)
      fixed.set(
        component.name,
        sheet.choose(`${component.name}.guaranteed`, 'connections', guaranteed, () => 0),
      );
    // The scheduler holds one connection at most in practice; its theoretical pool must not buy it a share.
    else if (component.name === 'workerBeat') fixed.set('workerBeat', lone('workerBeat'));
  }
  const taken = otherGuaranteed + [...fixed.values()].reduce((sum, share) => sum + share, 0);
  const open = components.filter(({ name }) => !fixed.has(name));
  const base = open.reduce((sum, { connections }) => sum + connections, 0);
  const toShare = sheet.derive(
    'proxy.toShare',
    'connections',
    'max(0, floor(part × proxy.serverConnections) − taken)',
    { part: guaranteedPart, 'proxy.serverConnections': serverConnections, taken },
    Math.max(0, Math.floor(guaranteedPart * serverConnections) - taken),
  );
  const shares = components.map((component) => {
    const guaranteed =
      fixed.get(component.name) ??
      proportionalShare(sheet, component, { toShare, base, max: askedOf(component).max });
    return planShare(inputs, component, { guaranteed, serverConnections });
  });
  const other: ProxyShare = {
    component: 'other',
    listenPort: pgproxy.port,
    guaranteed: otherGuaranteed,
    max: sheet.derive(
      'other.max',
      'connections',
      'min(limit, proxy.serverConnections)',
      { limit: otherMax, 'proxy.serverConnections': serverConnections },
      Math.min(otherMax, serverConnections),
    ),
    weight: 1,
    queueMax: otherClients,
    queueTimeoutMs: 30_000,
  };
  return [...shares, other];
}

interface Division {
  readonly toShare: number;
  readonly base: number;
  readonly max: number | undefined;
}

function proportionalShare(
  sheet: Sheet,
  { name, connections }: ComponentPlan,
  { toShare, base, max }: Division,
): number {
  const share = base === 0 ? 0 : Math.floor((toShare * connections) / base);
  const inputs = { 'proxy.toShare': toShare, [`${name}.connections`]: connections, base };
  const formula = `floor(proxy.toShare × ${name}.connections / base)`;
  if (max === undefined || share <= max)
    return sheet.derive(`${name}.guaranteed`, 'connections', formula, inputs, share);
  return sheet.derive(
    `${name}.guaranteed`,
    'connections',
    `min(limit, ${formula})`,
    { ...inputs, limit: max },
    max,
  );
}

function planShare(
  { sheet, pgproxy }: ProxyInputs,
  component: ComponentPlan,
  { guaranteed, serverConnections }: { guaranteed: number; serverConnections: number },
): ProxyShare {
  const { name, connections, variables } = component;
  const asked = pgproxy.components[name];
  const max = sheet.choose(`${name}.max`, 'connections', asked.max, () =>
    sheet.derive(
      `${name}.max`,
      'connections',
      `min(proxy.serverConnections, max(${name}.connections, ${name}.guaranteed))`,
      {
        'proxy.serverConnections': serverConnections,
        [`${name}.connections`]: connections,
        [`${name}.guaranteed`]: guaranteed,
      },
      Math.min(serverConnections, Math.max(connections, guaranteed)),
    ),
  );
  const queueMax = sheet.choose(`${name}.queueMax`, 'clients', asked.queueMax, () =>
    sheet.derive(
      `${name}.queueMax`,
      'clients',
      `${name}.connections`,
      { [`${name}.connections`]: connections },
      connections,
    ),
  );
  const timeout = Number(variables['SQLALCHEMY_POOL_TIMEOUT'] ?? 30);
  const queueTimeoutMs = sheet.choose(`${name}.queueTimeout`, 'milliseconds', asked.queueTimeoutMs, () =>
    sheet.derive(
      `${name}.queueTimeout`,
      'milliseconds',
      'poolTimeout × 1000',
      { poolTimeout: timeout },
      timeout * 1_000,
    ),
  );
  return {
    component: name,
    listenPort: asked.port,
    guaranteed,
    max,
    weight: asked.weight,
    queueMax,
    queueTimeoutMs,
  };
}
