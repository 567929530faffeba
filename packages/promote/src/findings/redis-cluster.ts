import type { FindingRule } from './finding.ts';
import { settingOf } from './settings.ts';

/** `redis.shard.small.ce` is offered as a cluster of shards; so is every class with `sharding` or `cluster`. */
const clusterClass = /^redis\.(shard\.small|sharding|logic\.sharding|cluster)/;

/** A Redis cluster has database 0 only. */
export const redisClusterRule: FindingRule = {
  code: 'REDIS_CLUSTER_DATABASE',
  title: 'A Redis cluster has database 0 only, but the input uses another one',
  severity: 'warn',
  check({ promotion }) {
    const { redis } = promotion.want;
    return promotion.services.flatMap((service) => {
      const isCluster =
        (redis !== undefined && clusterClass.test(redis.class)) ||
        settingOf(service, 'REDIS_USE_CLUSTERS') === 'true';
      const broker = settingOf(service, 'CELERY_BROKER_URL') ?? '';
      const database =
        /^rediss?:\/\/.*\/(\d+)(?:\?.*)?$/.exec(broker)?.[1] ?? settingOf(service, 'REDIS_DB') ?? '0';
      if (!isCluster || database === '0') return [];
      return [
        {
          severity: 'warn' as const,
          message: `${service.name} uses Redis database ${database}, which class ${redis?.class ?? 'of a cluster'} does not have without a proxy`,
          hint: 'Choose a class without shards, or set REDIS_DB to 0 and end CELERY_BROKER_URL with /0.',
          path: `${service.path}.environment`,
          position: service.position,
        },
      ];
    });
  },
};
