import type { CloudService } from '@sampan/config';
import type { ComposeService } from '../compose/model.ts';

/** What a service is, judged by its image and, for Dify's shared image, by MODE. */
export type Role =
  | CloudService
  | 'postgres'
  | 'redis'
  | 'vector'
  | 'mysql'
  | 'database'
  | 'squid'
  | 'certificates'
  | 'init'
  | 'app';

const byImage: readonly (readonly [RegExp, Role])[] = [
  [/^dify-web$/, 'web'],
  [/^dify-plugin-daemon$/, 'pluginDaemon'],
  [/^dify-sandbox$/, 'sandbox'],
  [/^(postgres|postgresql|postgis|timescaledb)$/, 'postgres'],
  [/^(redis|valkey|redis-stack|redis-stack-server|keydb)$/, 'redis'],
  [
    /^(weaviate|qdrant|chroma|milvus|pgvector|pgvecto-rs|opensearch|elasticsearch|oceanbase-ce|seekdb|couchbase|iris-community|vastbase-vector|opengauss|myscaledb|matrixone)$/,
    'vector',
  ],
  [/^(mysql|mariadb|percona|mysql-server)$/, 'mysql'],
  [/^(mongo|mongodb|mongodb-community-server|cassandra|couchdb|neo4j|influxdb)$/, 'database'],
  [/^squid$/, 'squid'],
  [/^certbot$/, 'certificates'],
  [/^(nginx|traefik|haproxy|caddy|httpd|openresty|nginx-unprivileged)$/, 'nginx'],
];

const difyModes: Readonly<Record<string, Role>> = {
  api: 'api',
  worker: 'worker',
  beat: 'workerBeat',
};

/** `docker.io/langgenius/dify-api:1.13.3@sha256:…` → `dify-api`. */
export function imageName(image: string): string {
  const path = image.split('@')[0] ?? image;
  const last = path.split('/').at(-1) ?? path;
  return last.split(':')[0] ?? last;
}

/** The tag of an image, or `undefined` when it has none. */
export function imageTag(image: string): string | undefined {
  const path = image.split('@')[0] ?? image;
  return /:([^/:]+)$/.exec(path)?.[1];
}

export function roleOf(service: ComposeService): Role {
  if (service.image === undefined) return 'app';
  const name = imageName(service.image);
  if (name === 'dify-api') {
    const mode = service.environment.find((variable) => variable.name === 'MODE')?.value ?? 'api';
    return service.name === 'api_websocket' ? 'apiWebsocket' : (difyModes[mode] ?? 'api');
  }
  if (name === 'busybox' || name === 'alpine') {
    return service.restart === 'no' || service.name.startsWith('init') ? 'init' : 'app';
  }
  return byImage.find(([pattern]) => pattern.test(name))?.[1] ?? 'app';
}

/** Services of Dify's Python image, which hold a SQLAlchemy pool and a Celery client. */
export const difyPythonRoles: readonly Role[] = ['api', 'apiWebsocket', 'worker', 'workerBeat'];
