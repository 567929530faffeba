import type { Problem } from '../problem.ts';
import type { Config } from '../schema/schema.ts';
import { planCloud, planRds } from './cloud.ts';
import { type PlanContext, planComponents, slsPool } from './components.ts';
import { directInvariant, proxyInvariants, safePart, slotInvariant } from './invariants.ts';
import type { ComponentPlan, Invariant, Plan, ProxyPlan } from './plan.ts';
import { planProxy } from './proxy.ts';
import { problemOf } from './remedy.ts';
import { requestOf } from './request.ts';
import { createSheet, type Sheet } from './sheet.ts';
import { sizeClassOf } from './size-class.ts';

export interface PlanQuestion {
  readonly config: Config;
  /** Name below `targets:`. Absent: the local stack. */
  readonly target?: string;
}

/** The plan of the local stack. */
export function planOf(config: Config): Plan {
  return planFor({ config });
}

/**
 * Works every number out from the load, the published sizes and what the file fixes. Pure. Broken invariants are
 * problems of the plan; the only error thrown is `CONFIG_TARGET_UNKNOWN`.
 */
export function planFor({ config, target }: PlanQuestion): Plan {
  const request = requestOf(config, target);
  const size = sizeClassOf(request.qps);
  const sheet = createSheet();
  const context: PlanContext = { sheet, request, size };
  const components = planComponents(context);
  const clientConnections = sumClients(sheet, components);
  if (request.usesSlsPg) sumSlsConnections(sheet, components);
  const database = request.targetConfig && planRds(request.targetConfig, size);
  const reservedConnections = sheet.choose(
    'postgres.reservedConnections',
    'connections',
    config.postgres.reservedConnections,
    () => 0,
  );
  const maxConnections = planMaxConnections(context, config, database?.rds, clientConnections);
  const totals = { clientConnections, maxConnections, reservedConnections };
  const proxy = request.route === 'proxy' ? planProxySide(sheet, config, components, totals) : undefined;
  // Without a known ceiling there is nothing to judge connections by; the problem of the class says so.
  const isCeilingKnown = database?.problem === undefined;
  const invariants = [
    ...(isCeilingKnown ? connectionInvariants(totals, proxy) : []),
    ...slotInvariants(sheet, request.mode),
  ];
  const cloud =
    request.targetConfig &&
    planCloud({ sheet, request, size, target: request.targetConfig, components, rds: database?.rds });
  const remedy = { request, components, maxConnections, reservedConnections };
  const problems: Problem[] = [
    ...invariants.flatMap((invariant) => problemOf(invariant, remedy)),
    ...(database?.problem === undefined
      ? []
      : [{ ...database.problem, path: ['targets', request.target, 'postgres', 'class'] }]),
    ...(cloud?.problems ?? []),
  ];
  const { qps, runSeconds, mode, route } = request;
  return {
    name: config.name,
    target: request.target,
    qps,
    loadClass: size.upper.qps,
    runSeconds,
    mode,
    route,
    numbers: sheet.numbers,
    invariants,
    components,
    postgresMaxConnections: maxConnections,
    proxy,
    cloud: cloud?.cloud,
    problems,
  };
}

function sumClients(sheet: Sheet, components: readonly ComponentPlan[]): number {
  const terms = components.map(({ name, connections }): [string, number] => [
    `${name}.connections`,
    connections,
  ]);
  return sheet.derive(
    'clients.connections',
    'connections',
    terms.map(([key]) => key).join(' + '),
    Object.fromEntries(terms),
    terms.reduce((sum, [, connections]) => sum + connections, 0),
  );
}

/** Each process of Dify's Python image opens a second pool, to SLS. */
function sumSlsConnections(sheet: Sheet, components: readonly ComponentPlan[]): void {
  const processes = components
    .filter(({ name }) => name !== 'pluginDaemon')
    .reduce((sum, component) => sum + component.replicas * component.processes, 0);
  sheet.derive(
    'sls.connections',
    'connections',
    'processes × (sls.poolSize + sls.maxOverflow)',
    { processes, 'sls.poolSize': slsPool.size, 'sls.maxOverflow': slsPool.overflow },
    processes * (slsPool.size + slsPool.overflow),
  );
}

function planMaxConnections(
  { sheet, request }: PlanContext,
  config: Config,
  rds: ReturnType<typeof planRds>['rds'],
  clientConnections: number,
): number {
  const key = 'postgres.maxConnections';
  const { targetConfig } = request;
  if (targetConfig === undefined)
    return sheet.choose(key, 'connections', config.postgres.maxConnections, () => 0);
  return sheet.choose(key, 'connections', targetConfig.postgres.maxConnections, () => {
    if (targetConfig.edition !== 'test') {
      return sheet.publish(
        key,
        'connections',
        `ceiling of ${rds?.class ?? 'an unknown class'}`,
        rds?.maxConnections ?? 0,
      );
    }
    if (request.route === 'proxy') return sheet.publish(key, 'connections', 'default of PostgreSQL', 100);
    return sheet.derive(
      key,
      'connections',
      '100 × ceil(clients.connections / (part × 100))',
      { 'clients.connections': clientConnections, part: safePart },
      100 * Math.ceil(clientConnections / (safePart * 100)),
    );
  });
}

interface Totals {
  readonly clientConnections: number;
  readonly maxConnections: number;
  readonly reservedConnections: number;
}

function planProxySide(
  sheet: Sheet,
  config: Config,
  components: readonly ComponentPlan[],
  totals: Totals,
): ProxyPlan {
  const { maxConnections, reservedConnections, clientConnections } = totals;
  const serverCeiling = sheet.derive(
    'postgres.forProxy',
    'connections',
    'max(1, floor(part × postgres.maxConnections) − postgres.reservedConnections)',
    {
      part: safePart,
      'postgres.maxConnections': maxConnections,
      'postgres.reservedConnections': reservedConnections,
    },
    Math.max(1, Math.floor(safePart * maxConnections) - reservedConnections),
  );
  return planProxy({ sheet, pgproxy: config.pgproxy, components, serverCeiling, clientConnections });
}

function connectionInvariants(totals: Totals, proxy: ProxyPlan | undefined): Invariant[] {
  if (proxy === undefined) return [directInvariant(totals)];
  const guaranteed = proxy.shares.reduce((sum, share) => sum + share.guaranteed, 0);
  return proxyInvariants({ ...totals, ...proxy, guaranteed });
}

/** Every run occupies a request of the api; a streaming run a task of the worker too. */
function slotInvariants({ numbers }: Sheet, mode: 'blocking' | 'streaming'): Invariant[] {
  const value = (key: string) => numbers.find((number) => number.key === key)?.value ?? 0;
  const running = value('load.running');
  const api = value('api.replicas') * value('api.processes') * value('api.workerConnections');
  const worker = value('worker.replicas') * value('worker.concurrency');
  return [
    slotInvariant('api', running, api),
    ...(mode === 'streaming' ? [slotInvariant('worker', running, worker)] : []),
  ];
}
