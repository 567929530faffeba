import type { Config } from '@sampan/config';
import type { Sls } from '@sampan/sls';
import type { Inventory } from '../backend.ts';

/**
 * Creates the project, its logstores and their indexes where they are absent; what a client changed since stays as
 * it is. An existing project with `scan_index` true is what lets Dify use the PostgreSQL protocol from its first
 * second; otherwise it waits 90 s, or stays with HTTP.
 */
export async function ensureLogstores(sls: Sls, inventory: Inventory, config: Config): Promise<void> {
  const { catalog } = sls;
  const { project } = inventory;
  await catalog.ensureProject({ projectName: project, description: config.name });
  for (const { name, shards, ttlDays, index } of inventory.logstores) {
    await catalog.ensureLogstore(project, name, { shardCount: shards, ttl: ttlDays });
    if (index !== undefined) await catalog.ensureIndex(project, name, index);
  }
}
