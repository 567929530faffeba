export { pgproxyErrors } from './errors.ts';
export type { PgProxyOptions } from './options.ts';
export { type PgProxy, type PgProxyCounts, type PgProxyEnvironment, startPgProxy } from './proxy.ts';
