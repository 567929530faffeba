import type { LoadClass } from '../schema/targets.ts';

/** Processor and memory of one SAE instance. */
export interface InstanceSize {
  readonly cpuMillicores: number;
  readonly memoryMb: number;
}

export interface PostgresSize {
  readonly class: string;
  readonly cpus: number;
  readonly memoryGb: number;
  readonly maxConnections: number;
}

export interface RedisSize {
  readonly class: string;
  readonly memoryGb: number;
  readonly bandwidthMbytesPerSecond: number;
  readonly maxConnections: number;
}

/** Services with a published size. */
export type SizedService = 'nginx' | 'api' | 'pluginDaemon' | 'worker' | 'sandbox' | 'web';

export interface PublishedSize {
  readonly qps: LoadClass;
  readonly services: Readonly<Record<SizedService, InstanceSize & { readonly replicas: number }>>;
  readonly postgresClass: string;
  readonly redisClass: string;
  readonly natMbps: number;
}

/** The vendor's page and its date; every number of `publishedSizes` stands there. */
export const publishedSizesSource = {
  url: 'https://help.aliyun.com/zh/sae/dify-performance-optimization',
  date: '2025-12-24',
} as const;

const small = { cpuMillicores: 1000, memoryMb: 2048, replicas: 1 };
const instances = (cpus: number, memoryGb: number, replicas: number) => ({
  cpuMillicores: cpus * 1000,
  memoryMb: memoryGb * 1024,
  replicas,
});

/** Instance sizes of Dify on SAE per load class, smallest first. */
export const publishedSizes: readonly PublishedSize[] = [
  {
    qps: 10,
    services: { nginx: small, api: small, pluginDaemon: small, worker: small, sandbox: small, web: small },
    postgresClass: 'pg.n4.2c.2m',
    redisClass: 'redis.shard.mid.2.ce',
    natMbps: 5,
  },
  {
    qps: 100,
    services: {
      nginx: small,
      api: instances(8, 8, 2),
      pluginDaemon: instances(2, 4, 4),
      worker: small,
      sandbox: small,
      web: small,
    },
    postgresClass: 'pg.n4.2c.2m',
    redisClass: 'redis.shard.mid.2.ce',
    natMbps: 100,
  },
  {
    qps: 200,
    services: {
      nginx: instances(1, 2, 2),
      api: instances(12, 12, 5),
      pluginDaemon: instances(2, 4, 10),
      worker: small,
      sandbox: small,
      web: small,
    },
    postgresClass: 'pg.x4.8xlarge.2c',
    redisClass: 'redis.shard.2xlarge.ce',
    natMbps: 100,
  },
  {
    qps: 500,
    services: {
      nginx: instances(1, 2, 2),
      api: instances(12, 12, 8),
      pluginDaemon: instances(2, 4, 16),
      worker: small,
      sandbox: small,
      web: small,
    },
    postgresClass: 'pg.x8.2xlarge.2c',
    redisClass: 'redis.shard.2xlarge.ce',
    natMbps: 100,
  },
];

const postgres = (name: string, cpus: number, memoryGb: number, maxConnections: number): PostgresSize => ({
  class: name,
  cpus,
  memoryGb,
  maxConnections,
});

/** RDS PostgreSQL high-availability classes with the vendor's connection ceilings. */
export const postgresClasses: readonly PostgresSize[] = [
  postgres('pg.n2.2c.2m', 2, 4, 400),
  postgres('pg.n2m.2c.2m', 2, 4, 400),
  postgres('pg.n4.2c.2m', 2, 8, 800),
  postgres('pg.n4m.2c.2m', 2, 8, 800),
  postgres('pg.n2.4c.2m', 4, 8, 800),
  postgres('pg.n4.4c.2m', 4, 16, 1_600),
  postgres('pg.x4.large.2c', 4, 16, 1_600),
  postgres('pg.n4.8c.2m', 8, 32, 3_200),
  postgres('pg.x4.xlarge.2c', 8, 32, 3_200),
  postgres('pg.x4.2xlarge.2c', 16, 64, 6_400),
  postgres('pg.x8.2xlarge.2c', 16, 128, 12_800),
  postgres('pg.x4.4xlarge.2c', 32, 128, 12_800),
  postgres('pg.x8.4xlarge.2c', 32, 256, 25_600),
  postgres('pg.x4.8xlarge.2c', 64, 256, 25_600),
];

/** Redis open-source edition 6.0 classes that the load classes use. */
export const redisClasses: readonly RedisSize[] = [
  { class: 'redis.shard.mid.2.ce', memoryGb: 2, bandwidthMbytesPerSecond: 96, maxConnections: 10_000 },
  { class: 'redis.shard.2xlarge.ce', memoryGb: 16, bandwidthMbytesPerSecond: 288, maxConnections: 20_000 },
];
