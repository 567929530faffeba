import type { Addresses, SlsAddress } from './state.ts';

/** Addresses of a running stack as tests need them; `sls` replaces single fields. */
export function sampleAddresses(sls: Partial<SlsAddress> = {}): Addresses & { readonly sls: SlsAddress } {
  return {
    postgres: {
      host: '127.0.0.1',
      port: 15432,
      user: 'postgres',
      password: 'p w\'"d',
      databases: ['dify', 'dify_plugin'],
    },
    proxy: { host: '127.0.0.1', port: 16432 },
    components: [
      { name: 'api', port: 16433, database: 'dify', variables: { SQLALCHEMY_POOL_SIZE: '7' } },
      { name: 'worker', port: 16434, database: 'dify', variables: { CELERY_WORKER_AMOUNT: '4' } },
      { name: 'pluginDaemon', port: 16435, database: 'dify_plugin', variables: { DB_MAX_OPEN_CONNS: '9' } },
    ],
    sls: {
      host: '127.0.0.1',
      httpPort: 15080,
      pgPort: 15433,
      dedicated: '127.0.54.32',
      project: 'dify',
      logstores: ['workflow_execution', 'workflow_node_execution'],
      region: 'cn-hangzhou',
      logstoreTtlDays: 365,
      pgMode: true,
      accessKeyId: 'LTAI5tTest',
      accessKeySecret: 'testSecret',
      ...sls,
    },
  };
}
