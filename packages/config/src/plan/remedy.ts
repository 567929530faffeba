import type { KeyPath, Problem } from '../problem.ts';
import { safePart } from './invariants.ts';
import type { ComponentPlan, Invariant } from './plan.ts';
import { postgresClasses } from './published-sizes.ts';
import type { PlanRequest } from './request.ts';

export interface RemedyInputs {
  readonly request: PlanRequest;
  readonly components: readonly ComponentPlan[];
  readonly maxConnections: number;
  readonly reservedConnections: number;
}

/** Says for an invariant that does not hold what was added up and the smallest change that mends it. */
export function problemOf(invariant: Invariant, inputs: RemedyInputs): Problem[] {
  if (invariant.status === 'holds') return [];
  const severity = invariant.status === 'tight' ? 'warning' : 'error';
  const { request } = inputs;
  switch (invariant.key) {
    case 'connections.direct':
      return [
        {
          code: 'CONFIG_PLAN_CONNECTIONS',
          severity,
          path: ceilingPath(request),
          ...directText(invariant, inputs),
        },
      ];
    case 'connections.clients':
      return [
        {
          code: 'CONFIG_PLAN_CONNECTIONS',
          severity,
          path: ['pgproxy', 'clientConnectionsMax'],
          message: `the components may open ${sumOf(inputs.components)}; the proxy accepts ${invariant.limit}`,
          hint: `Smallest change: pgproxy.clientConnectionsMax: ${invariant.actual}.`,
        },
      ];
    case 'connections.server':
      return [
        {
          code: 'CONFIG_PLAN_CONNECTIONS',
          severity,
          path: ['pgproxy', 'serverConnections'],
          ...serverText(invariant, inputs),
        },
      ];
    case 'shares.guaranteed':
      return [
        {
          code: 'CONFIG_PLAN_SHARES',
          severity,
          path: ['pgproxy', 'components'],
          message: `the guaranteed shares add up to ${invariant.actual}; the proxy has ${invariant.limit} server connections`,
          hint: `Smallest change: guarantee ${-invariant.slack} fewer, or pgproxy.serverConnections: ${invariant.actual}.`,
        },
      ];
    default:
      return [
        {
          code: 'CONFIG_PLAN_SLOTS',
          severity,
          path: slotPath(request, invariant),
          ...slotText(invariant, request),
        },
      ];
  }
}

function ceilingPath({ target, targetConfig }: PlanRequest): KeyPath {
  if (targetConfig === undefined) return ['postgres', 'maxConnections'];
  return [
    'targets',
    target,
    'postgres',
    targetConfig.postgres.class === undefined ? 'maxConnections' : 'class',
  ];
}

/** `3120 connections: api 8 × 8 × 40 = 2560, worker 1 × 1 × 40 = 40, …`. */
function sumOf(components: readonly ComponentPlan[]): string {
  const total = components.reduce((sum, { connections }) => sum + connections, 0);
  const terms = components.map(({ name, replicas, processes, connectionsPerProcess, connections }) => {
    const factors =
      name === 'pluginDaemon'
        ? [replicas, connectionsPerProcess]
        : [replicas, processes, connectionsPerProcess];
    return `${name} ${factors.join(' × ')} = ${connections}`;
  });
  return `${total} connections (${terms.join(', ')})`;
}

type Text = Pick<Problem, 'message' | 'hint'>;

function directText({ actual, limit }: Invariant, inputs: RemedyInputs): Text {
  const { request, components, maxConnections } = inputs;
  const message = `the components may open ${sumOf(components)}; PostgreSQL takes ${maxConnections}, of which 90 % = ${limit} may be planned`;
  const changes = [
    largerServer(request, actual),
    smallerPools(components, limit),
    'put the pool proxy in between',
  ];
  return {
    message,
    hint: `Smallest change, any one of: ${changes.filter((text) => text !== undefined).join('; ')}.`,
  };
}

function largerServer({ target, targetConfig }: PlanRequest, connections: number): string | undefined {
  const needed = Math.ceil(connections / safePart);
  if (targetConfig === undefined) return `postgres.maxConnections: ${needed}`;
  const larger = postgresClasses.find((known) => Math.floor(safePart * known.maxConnections) >= connections);
  return larger && `targets.${target}.postgres.class: ${larger.class} (${larger.maxConnections} connections)`;
}

/** The largest pool, the same in every process, with which the sum fits; undefined when it would be below five. */
function smallerPools(components: readonly ComponentPlan[], limit: number): string | undefined {
  const python = components.filter(({ name }) => name !== 'pluginDaemon');
  const processes = python.reduce((sum, { replicas, processes: each }) => sum + replicas * each, 0);
  const fixed = components.reduce(
    (sum, { name, connections }) => sum + (name === 'pluginDaemon' ? connections : 0),
    0,
  );
  const pool = Math.floor((limit - fixed) / processes);
  return pool < 5 ? undefined : `poolSize + maxOverflow of ${pool} in every process`;
}

function serverText(invariant: Invariant, { maxConnections, reservedConnections }: RemedyInputs): Text {
  const server = invariant.actual - reservedConnections;
  const most = invariant.limit - reservedConnections;
  return {
    message: `the proxy holds ${server} server connections and ${reservedConnections} are reserved, ${invariant.actual} together; PostgreSQL takes ${maxConnections}, of which 90 % = ${invariant.limit} may be planned`,
    hint: `Smallest change: ${most > 0 ? `pgproxy.serverConnections: ${most}, or ` : ''}a PostgreSQL with ${Math.ceil(invariant.actual / safePart)} connections.`,
  };
}

function slotPath({ target, targetConfig }: PlanRequest, { key }: Invariant): KeyPath {
  const path = ['components', key.replace('slots.', '')];
  return targetConfig === undefined ? path : ['targets', target, ...path];
}

function slotText(invariant: Invariant, { qps, runSeconds }: PlanRequest): Text {
  const component = invariant.key.replace('slots.', '');
  const carried = Math.floor((invariant.limit / runSeconds) * 10) / 10;
  return {
    message: `${qps} runs/s of ${runSeconds} s are ${invariant.actual} at once; the ${component} holds ${invariant.limit}`,
    hint: `Smallest change: ${-invariant.slack} more slots in the ${component}, or at most ${carried} runs/s.`,
  };
}
