import type { ComponentName } from '../schema/components.ts';
import type { ComponentPlan } from './plan.ts';
import type { PlanRequest } from './request.ts';
import type { Sheet } from './sheet.ts';
import { instanceSizeOf, planReplicas, type SizeClass } from './size-class.ts';

/** Slots beyond the average number of runs under way, because arrivals come in bunches. */
const slotHeadroom = 1.25;
/** SAE's default quota of instances per application. */
export const replicasMax = 50;
/** Requests that one gevent process should hold at most: the top of Dify's own stress-test guide. */
const workerConnectionsMax = 2_000;
/** Tasks that one worker replica should hold at most. */
const concurrencyMax = { gevent: 200, prefork: 16 } as const;
/** Connections of Dify's second pool, the one to SLS: ALIYUN_SLS_PG_POOL_SIZE and _MAX_OVERFLOW. */
export const slsPool = { size: 5, overflow: 5 } as const;

/** What every component's plan is worked out from. */
export interface PlanContext {
  readonly sheet: Sheet;
  readonly request: PlanRequest;
  readonly size: SizeClass;
}

/** Plans every component that runs, in the order of the tables. */
export function planComponents(context: PlanContext): ComponentPlan[] {
  const { sheet, request } = context;
  const { qps, runSeconds } = request;
  const inputs = { 'load.qps': qps, 'load.runSeconds': runSeconds };
  sheet.derive('load.running', 'runs', 'load.qps × load.runSeconds', inputs, qps * runSeconds);
  const slots = sheet.derive(
    'load.slots',
    'runs',
    'ceil(load.qps × load.runSeconds × headroom)',
    { ...inputs, headroom: slotHeadroom },
    Math.ceil(qps * runSeconds * slotHeadroom),
  );
  return [
    planServer(context, 'api', slots),
    ...(request.apiWebsocket.enabled ? [planServer(context, 'apiWebsocket', slots)] : []),
    planWorker(context, slots),
    ...(request.workerBeat.enabled ? [planBeat(context)] : []),
    ...(request.pluginDaemon.enabled ? [planPluginDaemon(context)] : []),
  ];
}

function planServer(context: PlanContext, name: 'api' | 'apiWebsocket', slots: number): ComponentPlan {
  const { sheet, request, size } = context;
  const asked = request[name];
  const isApi = name === 'api';
  const replicas = sheet.choose(`${name}.replicas`, 'instances', asked.replicas, () =>
    isApi
      ? planReplicas(sheet, size, request.qps, 'api')
      : sheet.publish(`${name}.replicas`, 'instances', 'one, as in the Compose file of Dify', 1),
  );
  const cpus = Math.max(
    1,
    Math.floor((asked.cpuMillicores ?? instanceSizeOf(size, 'api').cpuMillicores) / 1000),
  );
  const guide = request.qps <= 50 ? 2 : request.qps <= 200 ? 4 : 8;
  const processes = sheet.choose(`${name}.processes`, 'per instance', asked.processes, () =>
    isApi
      ? sheet.derive(
          `${name}.processes`,
          'per instance',
          'min(guide.processes, api.cpus)',
          { 'guide.processes': guide, 'api.cpus': cpus },
          Math.min(guide, cpus),
        )
      : sheet.publish(`${name}.processes`, 'per instance', 'default of Dify', 1),
  );
  const key = `${name}.workerConnections`;
  const workerConnections = sheet.choose(key, 'per process', asked.workerConnections, () =>
    sheet.derive(
      key,
      'per process',
      `min(limit, max(default, ceil(load.slots / (${name}.replicas × ${name}.processes))))`,
      {
        limit: workerConnectionsMax,
        default: 10,
        'load.slots': slots,
        [`${name}.replicas`]: replicas,
        [`${name}.processes`]: processes,
      },
      Math.min(workerConnectionsMax, Math.max(10, Math.ceil(slots / (replicas * processes)))),
    ),
  );
  return withPool(context, name, {
    replicas,
    processes,
    variables: {
      SERVER_WORKER_CLASS: 'gevent',
      SERVER_WORKER_AMOUNT: String(processes),
      SERVER_WORKER_CONNECTIONS: String(workerConnections),
    },
  });
}

function planWorker(context: PlanContext, slots: number): ComponentPlan {
  const { sheet, request, size } = context;
  const { celeryPool, replicas: askedReplicas, concurrency: askedConcurrency } = request.worker;
  const isStreaming = request.mode === 'streaming';
  const limit = concurrencyMax[celeryPool];
  const replicas = sheet.choose('worker.replicas', 'instances', askedReplicas, () =>
    isStreaming
      ? sheet.derive(
          'worker.replicas',
          'instances',
          'min(quota, ceil(load.slots / limit))',
          { quota: replicasMax, 'load.slots': slots, limit },
          Math.min(replicasMax, Math.ceil(slots / limit)),
        )
      : planReplicas(sheet, size, request.qps, 'worker'),
  );
  const concurrency = sheet.choose('worker.concurrency', 'per instance', askedConcurrency, () =>
    isStreaming
      ? sheet.derive(
          'worker.concurrency',
          'per instance',
          'min(limit, max(default, ceil(load.slots / worker.replicas)))',
          { limit, default: 4, 'load.slots': slots, 'worker.replicas': replicas },
          Math.min(limit, Math.max(4, Math.ceil(slots / replicas))),
        )
      : sheet.publish('worker.concurrency', 'per instance', 'default of Dify 1.13', 4),
  );
  const processes =
    celeryPool === 'gevent'
      ? sheet.publish('worker.processes', 'per instance', 'one with the gevent pool', 1)
      : sheet.derive(
          'worker.processes',
          'per instance',
          'worker.concurrency + parent',
          { 'worker.concurrency': concurrency, parent: 1 },
          concurrency + 1,
        );
  return withPool(context, 'worker', {
    replicas,
    processes,
    variables: {
      CELERY_WORKER_CLASS: celeryPool,
      CELERY_WORKER_AMOUNT: String(concurrency),
      CELERY_AUTO_SCALE: 'false',
    },
  });
}

function planBeat(context: PlanContext): ComponentPlan {
  context.sheet.publish(
    'workerBeat.replicas',
    'instances',
    'always one: two would run every schedule twice',
    1,
  );
  context.sheet.publish('workerBeat.processes', 'per instance', 'one', 1);
  return withPool(context, 'workerBeat', { replicas: 1, processes: 1, variables: {} });
}

type PythonComponent = Exclude<ComponentName, 'pluginDaemon'>;

/** Adds SQLAlchemy's pool to a component of Dify's Python image and works out what it may open. */
function withPool(
  { sheet, request }: PlanContext,
  name: PythonComponent,
  part: Pick<ComponentPlan, 'replicas' | 'processes' | 'variables'>,
): ComponentPlan {
  const asked = request[name];
  const choose = (option: string, unit: string, configured: number | undefined, standard: number) =>
    sheet.choose(`${name}.${option}`, unit, configured, () =>
      sheet.publish(`${name}.${option}`, unit, 'default of Dify', standard),
    );
  const poolSize = choose('poolSize', 'per process', asked.poolSize, 30);
  const maxOverflow = choose('maxOverflow', 'per process', asked.maxOverflow, 10);
  const timeout = choose('poolTimeout', 'seconds', asked.poolTimeoutSeconds, 30);
  const recycle = choose('poolRecycle', 'seconds', asked.poolRecycleSeconds, 3_600);
  const connections = sheet.derive(
    `${name}.connections`,
    'connections',
    `${name}.replicas × ${name}.processes × (${name}.poolSize + ${name}.maxOverflow)`,
    {
      [`${name}.replicas`]: part.replicas,
      [`${name}.processes`]: part.processes,
      [`${name}.poolSize`]: poolSize,
      [`${name}.maxOverflow`]: maxOverflow,
    },
    part.replicas * part.processes * (poolSize + maxOverflow),
  );
  const slsVariables = {
    ALIYUN_SLS_PG_POOL_SIZE: String(slsPool.size),
    ALIYUN_SLS_PG_MAX_OVERFLOW: String(slsPool.overflow),
  };
  return {
    name,
    replicas: part.replicas,
    processes: part.processes,
    connectionsPerProcess: poolSize + maxOverflow,
    connections,
    variables: {
      ...part.variables,
      SQLALCHEMY_POOL_SIZE: String(poolSize),
      SQLALCHEMY_MAX_OVERFLOW: String(maxOverflow),
      SQLALCHEMY_POOL_TIMEOUT: String(timeout),
      SQLALCHEMY_POOL_RECYCLE: String(recycle),
      ...(request.usesSlsPg ? slsVariables : {}),
    },
  };
}

function planPluginDaemon({ sheet, request, size }: PlanContext): ComponentPlan {
  const asked = request.pluginDaemon;
  const name = 'pluginDaemon';
  const replicas = sheet.choose(`${name}.replicas`, 'instances', asked.replicas, () =>
    planReplicas(sheet, size, request.qps, name),
  );
  const open = sheet.choose(`${name}.maxOpen`, 'per instance', asked.maxOpenConnections, () =>
    sheet.publish(`${name}.maxOpen`, 'per instance', 'default of the plugin daemon', 30),
  );
  const idle = sheet.choose(`${name}.maxIdle`, 'per instance', asked.maxIdleConnections, () =>
    sheet.derive(
      `${name}.maxIdle`,
      'per instance',
      `min(default, ${name}.maxOpen)`,
      { default: 10, [`${name}.maxOpen`]: open },
      Math.min(10, open),
    ),
  );
  const connections = sheet.derive(
    `${name}.connections`,
    'connections',
    `${name}.replicas × ${name}.maxOpen`,
    { [`${name}.replicas`]: replicas, [`${name}.maxOpen`]: open },
    replicas * open,
  );
  return {
    name,
    replicas,
    processes: 1,
    connectionsPerProcess: open,
    connections,
    variables: { DB_MAX_OPEN_CONNS: String(open), DB_MAX_IDLE_CONNS: String(idle) },
  };
}
