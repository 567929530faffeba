import { createIndexEngine } from './engine.ts';
import type { LogstoreView } from './index-engine.ts';

/** Indexes a logstore and kills itself in the middle of it. */
const settings: { dataDirectory: string; logstore: LogstoreView } = JSON.parse(process.env['VICTIM'] ?? '{}');
const engine = createIndexEngine({ dataDirectory: settings.dataDirectory });
const halves = settings.logstore.shards.map((shard) => ({ ...shard, end: Math.floor(shard.end / 3) }));
await engine.sql({ logstore: { ...settings.logstore, shards: halves }, sql: 'select 1' });
engine.notify(settings.logstore);
setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(process.env['VICTIM_DELAY_MS']));
