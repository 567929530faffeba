export { type Account, mayEnter } from './account.ts';
export { type Binaries, findBinaries } from './binaries.ts';
export { superuser } from './cluster.ts';
export { postgresErrors } from './errors.ts';
export { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts';
export { readPostmasterPid, stopStalePostgres } from './stale-postgres.ts';
