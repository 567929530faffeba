import { configErrors } from '../errors.ts';
import type { Config, TargetConfig } from '../schema/schema.ts';

interface Pool {
  readonly poolSize: number | undefined;
  readonly maxOverflow: number | undefined;
  readonly poolTimeoutSeconds: number | undefined;
  readonly poolRecycleSeconds: number | undefined;
}

interface ServerRequest extends Pool {
  readonly enabled: boolean;
  readonly replicas: number | undefined;
  readonly processes: number | undefined;
  readonly workerConnections: number | undefined;
  readonly cpuMillicores: number | undefined;
}

/** What a plan is asked for: the file's options that concern one place, local or target, side by side. */
export interface PlanRequest {
  readonly target: string;
  readonly targetConfig: TargetConfig | undefined;
  readonly qps: number;
  readonly runSeconds: number;
  readonly mode: 'blocking' | 'streaming';
  readonly route: 'proxy' | 'direct';
  readonly usesSlsPg: boolean;
  readonly api: ServerRequest;
  readonly apiWebsocket: ServerRequest;
  readonly worker: Pool & {
    readonly replicas: number | undefined;
    readonly concurrency: number | undefined;
    readonly celeryPool: 'gevent' | 'prefork';
  };
  readonly workerBeat: Pool & { readonly enabled: boolean };
  readonly pluginDaemon: {
    readonly enabled: boolean;
    readonly replicas: number | undefined;
    readonly maxOpenConnections: number | undefined;
    readonly maxIdleConnections: number | undefined;
  };
}

/** Load of an empty file: the smallest published class. */
const defaultQps = 10;

/** Gathers what `target`, or the local stack when it is undefined, asks of the planner. */
export function requestOf(config: Config, target: string | undefined): PlanRequest {
  return target === undefined
    ? localRequest(config)
    : targetRequest(config, target, targetOf(config, target));
}

function targetOf(config: Config, name: string): TargetConfig {
  const target = Object.hasOwn(config.targets, name) ? config.targets[name] : undefined;
  if (target !== undefined) return target;
  const names = Object.keys(config.targets);
  throw configErrors.create('CONFIG_TARGET_UNKNOWN', {
    message: `sampan.yaml has no target ${JSON.stringify(name)}`,
    hint: names.length === 0 ? 'Add it below targets: in sampan.yaml.' : `It has ${names.join(', ')}.`,
  });
}

function poolOf(component: Partial<Pool>): Pool {
  const { poolSize, maxOverflow, poolTimeoutSeconds, poolRecycleSeconds } = component;
  return { poolSize, maxOverflow, poolTimeoutSeconds, poolRecycleSeconds };
}

function localRequest({ components, load, pgproxy, sls }: Config): PlanRequest {
  const server = (component: Config['components']['api'], enabled: boolean): ServerRequest => ({
    ...poolOf(component),
    enabled,
    replicas: component.replicas,
    processes: component.processes,
    workerConnections: component.workerConnections,
    cpuMillicores: undefined,
  });
  const { worker, workerBeat, pluginDaemon } = components;
  return {
    target: 'local',
    targetConfig: undefined,
    qps: load.class ?? load.targetQps ?? defaultQps,
    runSeconds: load.runSeconds,
    mode: load.mode,
    route: pgproxy.enabled ? 'proxy' : 'direct',
    usesSlsPg: sls.enabled && sls.pgMode,
    api: server(components.api, true),
    apiWebsocket: server(components.apiWebsocket, components.apiWebsocket.enabled),
    worker: {
      ...poolOf(worker),
      replicas: worker.replicas,
      concurrency: worker.concurrency,
      celeryPool: worker.celeryPool,
    },
    workerBeat: { ...poolOf(workerBeat), enabled: workerBeat.enabled },
    pluginDaemon: {
      enabled: pluginDaemon.enabled,
      replicas: pluginDaemon.replicas,
      maxOpenConnections: pluginDaemon.maxOpenConnections,
      maxIdleConnections: pluginDaemon.maxIdleConnections,
    },
  };
}

/** Pools that were tried locally go along; counts that follow from the load are the target's own. */
function targetRequest(config: Config, name: string, target: TargetConfig): PlanRequest {
  const { components: base, load, sls } = config;
  const over = target.components;
  const pool = (local: Partial<Pool>, own: Pick<Partial<Pool>, 'poolSize' | 'maxOverflow'>): Pool => ({
    ...poolOf(local),
    poolSize: own.poolSize ?? local.poolSize,
    maxOverflow: own.maxOverflow ?? local.maxOverflow,
  });
  const server = (component: 'api' | 'apiWebsocket', enabled: boolean): ServerRequest => ({
    ...pool(base[component], over[component]),
    enabled,
    replicas: over[component].replicas,
    processes: over[component].processes,
    workerConnections: over[component].workerConnections,
    cpuMillicores: over[component].cpuMillicores,
  });
  return {
    target: name,
    targetConfig: target,
    qps: target.class ?? target.targetQps ?? load.class ?? load.targetQps ?? defaultQps,
    runSeconds: target.runSeconds ?? load.runSeconds,
    mode: target.mode ?? load.mode,
    route: target.pgproxy ? 'proxy' : 'direct',
    usesSlsPg: target.sls && sls.pgMode,
    api: server('api', true),
    apiWebsocket: server('apiWebsocket', base.apiWebsocket.enabled),
    worker: {
      ...pool(base.worker, over.worker),
      replicas: over.worker.replicas,
      concurrency: over.worker.concurrency,
      celeryPool: base.worker.celeryPool,
    },
    workerBeat: { ...pool(base.workerBeat, over.workerBeat), enabled: base.workerBeat.enabled },
    pluginDaemon: {
      enabled: base.pluginDaemon.enabled,
      replicas: over.pluginDaemon.replicas,
      maxOpenConnections: over.pluginDaemon.maxOpenConnections ?? base.pluginDaemon.maxOpenConnections,
      maxIdleConnections: over.pluginDaemon.maxIdleConnections ?? base.pluginDaemon.maxIdleConnections,
    },
  };
}
