import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findBinaries,
  type Postgres,
  type PostgresOptions,
  startPostgres,
  stopStalePostgres,
} from '@sampan/postgres';
import type { Layout } from '../layout.ts';
import { ensureClusterPlace, findClusterFolder } from './cluster-place.ts';

export interface StackPostgresOptions
  extends Required<Pick<PostgresOptions, 'host' | 'port' | 'password' | 'isPasswordNew' | 'settings'>> {
  readonly layout: Layout;
  readonly onNotice: (message: string) => void;
}

/**
 * Ends the PostgreSQL of an earlier run of this stack and waits until its port is free. After `kill -9` of a stack
 * its server needs a moment to shut down, and would pass for a stranger on our port.
 */
export async function endLeftoverPostgres(
  options: Pick<StackPostgresOptions, 'layout' | 'onNotice'>,
): Promise<void> {
  const leftover = await stopStalePostgres(await findClusterFolder(options.layout));
  if (leftover === undefined) return;
  options.onNotice(`ended PostgreSQL process ${leftover}, left over from an earlier run`);
}

/** Starts PostgreSQL on the stack's cluster; says when programs or data had to be put elsewhere. */
export async function startStackPostgres(options: StackPostgresOptions): Promise<Postgres> {
  const { layout, onNotice } = options;
  const binaries = await findBinaries();
  const name = binaries.account?.name;
  if (binaries.isCopy) {
    onNotice(`PostgreSQL runs from ${binaries.folder}: account ${name} cannot reach the installed programs`);
  }
  const { folder, isElsewhere } = await ensureClusterPlace(layout, binaries.account);
  if (isElsewhere) {
    onNotice(`the database lies in ${folder}: account ${name} cannot reach ${layout.directory}`);
  }
  const logFile = join(layout.logs, 'postgres.log');
  await rename(logFile, join(layout.logs, 'postgres.previous.log')).catch(() => {});
  return startPostgres({ ...options, binaries, folder, logFile });
}
