import { z } from 'zod';
import { integer, option } from './option.ts';

/** Load classes for which the vendor publishes instance sizes. */
export const loadClasses = [10, 100, 200, 500] as const;
export type LoadClass = (typeof loadClasses)[number];

export const editions = ['test', 'high-availability', 'high-performance'] as const;
export type Edition = (typeof editions)[number];

/** The load: a published class, or any rate up to the largest class. */
const loadOptions = {
  class: option(z.literal(loadClasses).optional(), {
    unit: 'runs per second',
    description: 'Published load class. Not together with targetQps.',
  }),
  targetQps: option(z.number().positive().max(500).optional(), {
    unit: 'runs per second',
    description: 'Any rate between the classes. Not together with class.',
  }),
};

export const loadSchema = z.strictObject({
  ...loadOptions,
  runSeconds: option(z.number().positive().max(1200).default(10), {
    unit: 'seconds',
    description: 'How long a workflow run takes on average; most of it is waiting for the model.',
  }),
  mode: option(z.enum(['blocking', 'streaming']).default('blocking'), {
    description:
      'blocking: runs execute in the api; streaming: in the worker, while the api holds the stream.',
  }),
});

const size = {
  replicas: option(integer(1, 50).optional(), {
    unit: 'instances',
    description: 'Instances. Absent: planned.',
  }),
  cpuMillicores: option(integer(500, 32_000).optional(), {
    unit: 'millicores',
    description: 'Processor of one instance. Absent: as published for the load class.',
  }),
  memoryMb: option(integer(1024, 131_072).optional(), {
    unit: 'MB',
    description: 'Memory of one instance. Absent: as published for the load class.',
  }),
};

const tuning = {
  poolSize: option(integer(1, 1000).optional(), {
    unit: 'connections per process',
    description: 'SQLALCHEMY_POOL_SIZE.',
  }),
  maxOverflow: option(integer(0, 1000).optional(), {
    unit: 'connections per process',
    description: 'SQLALCHEMY_MAX_OVERFLOW.',
  }),
};

const serverTuning = {
  processes: option(integer(1, 128).optional(), {
    unit: 'processes per replica',
    description: 'SERVER_WORKER_AMOUNT.',
  }),
  workerConnections: option(integer(1, 10_000).optional(), {
    unit: 'requests per process',
    description: 'SERVER_WORKER_CONNECTIONS.',
  }),
  ...tuning,
};

const targetComponents = z
  .strictObject({
    nginx: z.strictObject(size).prefault({}),
    web: z.strictObject(size).prefault({}),
    api: z.strictObject({ ...size, ...serverTuning }).prefault({}),
    apiWebsocket: z.strictObject({ ...size, ...serverTuning }).prefault({}),
    worker: z
      .strictObject({
        ...size,
        concurrency: option(integer(1, 10_000).optional(), {
          unit: 'tasks per replica',
          description: 'CELERY_WORKER_AMOUNT.',
        }),
        ...tuning,
      })
      .prefault({}),
    workerBeat: z
      .strictObject({ cpuMillicores: size.cpuMillicores, memoryMb: size.memoryMb, ...tuning })
      .prefault({}),
    pluginDaemon: z
      .strictObject({
        ...size,
        maxOpenConnections: option(integer(1, 1000).optional(), {
          unit: 'connections per replica',
          description: 'DB_MAX_OPEN_CONNS.',
        }),
        maxIdleConnections: option(integer(0, 1000).optional(), {
          unit: 'connections per replica',
          description: 'DB_MAX_IDLE_CONNS.',
        }),
      })
      .prefault({}),
    sandbox: z.strictObject(size).prefault({}),
  })
  .prefault({});

const resourceId = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}-[a-z0-9]{4,40}$`), `an id that begins with ${prefix}-`);

const network = z
  .strictObject({
    vpcId: option(resourceId('vpc').optional(), { description: 'Existing VPC. Absent: a new one is made.' }),
    vSwitchIds: option(z.array(resourceId('vsw')).min(1).max(2).optional(), {
      description: 'Its vSwitches, one per zone. Needs vpcId.',
    }),
    cidr: option(
      z
        .string()
        .regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, 'an address range such as 192.168.0.0/16')
        .default('192.168.0.0/16'),
      { description: 'Address range of a new VPC.' },
    ),
  })
  .prefault({});

export const targetSchema = z.strictObject({
  edition: option(z.enum(editions).default('high-availability'), {
    description:
      'test: data stores as single instances; high-availability: up to 200; high-performance: up to 500.',
  }),
  region: option(
    z
      .string()
      .regex(/^[a-z]{2,}(-[a-z0-9]+)+$/, 'a region id such as cn-hangzhou')
      .default('cn-hangzhou'),
    {
      description: 'Alibaba Cloud region.',
    },
  ),
  zones: option(
    z
      .array(z.string().regex(/^[a-z]{2,}(-[a-z0-9]+)+$/, 'a zone id such as cn-hangzhou-h'))
      .max(2)
      .default(() => []),
    {
      description:
        'Availability zones; two different ones unless the edition is test. Empty: asked at deployment.',
    },
  ),
  namespace: option(
    z
      .string()
      .regex(/^[a-z0-9]{1,20}$/, '1 to 20 lower-case letters and digits')
      .default('dify'),
    {
      description: 'Short id of the SAE namespace.',
    },
  ),
  ...loadOptions,
  runSeconds: option(z.number().positive().max(1200).optional(), {
    unit: 'seconds',
    description: 'As load.runSeconds. Absent: that value.',
  }),
  mode: option(z.enum(['blocking', 'streaming']).optional(), {
    description: 'As load.mode. Absent: that value.',
  }),
  pgproxy: option(z.boolean().default(false), {
    description: 'Whether the plan puts the pool proxy before RDS. false: components connect directly.',
  }),
  sls: option(z.boolean().default(true), { description: 'Whether workflow records go to SLS.' }),
  components: targetComponents,
  postgres: z
    .strictObject({
      class: option(
        z
          .string()
          .regex(/^pg\.[a-z0-9.]+$/, 'a class such as pg.n4.2c.2m')
          .optional(),
        {
          description: 'RDS class. Absent: as published for the load class.',
        },
      ),
      maxConnections: option(integer(10, 30_000).optional(), {
        unit: 'connections',
        description: 'Connection ceiling of a class that Sampan does not know.',
      }),
      storageGb: option(integer(20, 32_000).default(50), {
        unit: 'GB',
        description: 'Disk of the RDS instance.',
      }),
    })
    .prefault({}),
  redis: z
    .strictObject({
      class: option(
        z
          .string()
          .regex(/^redis\.[a-z0-9.]+$/, 'a class such as redis.shard.mid.2.ce')
          .optional(),
        {
          description: 'Redis class. Absent: as published for the load class.',
        },
      ),
    })
    .prefault({}),
  network,
});
