import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stopStalePostgres } from '@sampan/postgres';
import { findClusterFolder } from './embedded/cluster-place.ts';
import { devstackErrors } from './errors.ts';
import { createLayout, type Layout } from './layout.ts';
import { findHolder } from './lock.ts';

/** Removes the data of a stopped stack: databases, logs of SLS, credentials. Returns what it removed. */
export async function resetStack(directory: string): Promise<string[]> {
  const layout = createLayout(directory);
  const holder = await findHolder(layout);
  if (holder !== undefined) {
    throw devstackErrors.create('DEVSTACK_ALREADY_RUNNING', {
      message: `process ${holder.pid} runs the stack in ${layout.directory}; its data cannot be removed now`,
      hint: 'stop it with Ctrl-C, then repeat this command',
    });
  }
  const cluster = await findClusterFolder(layout);
  await stopStalePostgres(cluster);
  const removed = partsOf(layout, cluster).filter((path) => existsSync(path));
  // Part by part: other things in the directory, such as generated files and promotions, are not ours to remove.
  for (const path of removed) await rm(path, { recursive: true, force: true });
  return removed;
}

function partsOf(layout: Layout, cluster: string): string[] {
  const isElsewhere = cluster !== layout.postgres;
  return [
    isElsewhere ? dirname(cluster) : cluster,
    ...(isElsewhere ? [layout.postgresPointer] : []),
    layout.sls,
    layout.logs,
    layout.run,
    layout.secrets,
  ];
}
