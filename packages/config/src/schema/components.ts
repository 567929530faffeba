import { z } from 'zod';
import { integer, option } from './option.ts';

/** Dify's components that hold PostgreSQL connections, in the order of every table. */
export const componentNames = ['api', 'apiWebsocket', 'worker', 'workerBeat', 'pluginDaemon'] as const;
export type ComponentName = (typeof componentNames)[number];

const replicas = option(integer(1, 50).optional(), {
  description: 'Instances of the component. Absent: planned from the load.',
});

/** SQLAlchemy's pool, one per operating system process of Dify's Python image. */
const pool = {
  poolSize: option(integer(1, 1000).optional(), {
    unit: 'connections per process',
    description: 'SQLALCHEMY_POOL_SIZE. Absent: planned.',
  }),
  maxOverflow: option(integer(0, 1000).optional(), {
    unit: 'connections per process',
    description: 'SQLALCHEMY_MAX_OVERFLOW, opened above the pool under load. Absent: planned.',
  }),
  poolTimeoutSeconds: option(integer(1, 600).optional(), {
    unit: 'seconds',
    description: 'SQLALCHEMY_POOL_TIMEOUT, the longest wait for a connection of the pool. Absent: planned.',
  }),
  poolRecycleSeconds: option(integer(30, 86_400).optional(), {
    unit: 'seconds',
    description: 'SQLALCHEMY_POOL_RECYCLE, the age at which a connection is replaced. Absent: planned.',
  }),
};

const server = {
  replicas,
  processes: option(integer(1, 128).optional(), {
    unit: 'processes per replica',
    description: 'SERVER_WORKER_AMOUNT. Absent: planned from the load and the processor.',
  }),
  workerConnections: option(integer(1, 10_000).optional(), {
    unit: 'requests per process',
    description: 'SERVER_WORKER_CONNECTIONS, the requests a process serves at once. Absent: planned.',
  }),
  ...pool,
};

export const apiSchema = z.strictObject(server);

export const apiWebsocketSchema = z.strictObject({
  enabled: option(z.boolean().default(false), {
    description: 'Whether api_websocket runs (Dify 1.16 and later, profile collaboration).',
  }),
  ...server,
});

export const workerSchema = z.strictObject({
  replicas,
  concurrency: option(integer(1, 10_000).optional(), {
    unit: 'tasks per replica',
    description: 'CELERY_WORKER_AMOUNT. Absent: planned.',
  }),
  celeryPool: option(z.enum(['gevent', 'prefork']).default('gevent'), {
    description: 'CELERY_WORKER_CLASS. gevent is one process; prefork is one per task and a parent.',
  }),
  ...pool,
});

export const workerBeatSchema = z.strictObject({
  enabled: option(z.boolean().default(true), {
    description: 'Whether the scheduler runs. It never has two replicas.',
  }),
  ...pool,
});

export const pluginDaemonSchema = z.strictObject({
  enabled: option(z.boolean().default(true), { description: 'Whether the plugin daemon runs.' }),
  replicas,
  maxOpenConnections: option(integer(1, 1000).optional(), {
    unit: 'connections per replica',
    description: 'DB_MAX_OPEN_CONNS. Absent: planned.',
  }),
  maxIdleConnections: option(integer(0, 1000).optional(), {
    unit: 'connections per replica',
    description: 'DB_MAX_IDLE_CONNS. Absent: planned.',
  }),
});

export const componentsSchema = z.strictObject({
  api: apiSchema.prefault({}),
  apiWebsocket: apiWebsocketSchema.prefault({}),
  worker: workerSchema.prefault({}),
  workerBeat: workerBeatSchema.prefault({}),
  pluginDaemon: pluginDaemonSchema.prefault({}),
});
