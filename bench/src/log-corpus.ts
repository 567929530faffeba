import { encodeLogGroup, encodeLz4Block } from '@sampan/sls-wire';
import type { createRandom } from '@sampan/testkit';
import type { PutLogsBody } from './put-logs-load.ts';

/** A log as field and value. */
export type CorpusLog = Readonly<Record<string, string>>;

type Random = ReturnType<typeof createRandom>;

const hexDigits = '0123456789abcdef';
const words =
  'request answered cache miss connection closed retry token budget model stream chunk upstream timeout'.split(
    ' ',
  );

function hex(random: Random, length: number): string {
  return Array.from({ length }, () => hexDigits[random.integer(16)]).join('');
}

function sentence(random: Random, length: number): string {
  let text = '';
  while (text.length < length) text += `${words[random.integer(words.length)]} ${random.integer(1000)} `;
  return text.slice(0, length);
}

/** Ten fields, some 300 bytes: two random identifiers, a few small sets, numbers, a message. */
export function tenFieldLog(random: Random): CorpusLog {
  return {
    id: hex(random, 32),
    trace_id: hex(random, 32),
    tenant_id: `tenant-${random.integer(50)}`,
    app_id: `app-${random.integer(400)}`,
    level: ['DEBUG', 'INFO', 'INFO', 'INFO', 'WARN', 'ERROR'][random.integer(6)] ?? 'INFO',
    status: String([200, 200, 200, 404, 500][random.integer(5)] ?? 200),
    latency_ms: String(random.integer(3000)),
    method: random.integer(3) === 0 ? 'POST' : 'GET',
    path: `/v1/workflows/${random.integer(200)}/run`,
    message: sentence(random, 110),
  };
}

/** One log of a kilobyte, as a row of a workflow is. */
export function kilobyteLog(random: Random): CorpusLog {
  return {
    id: hex(random, 32),
    tenant_id: `tenant-${random.integer(50)}`,
    app_id: `app-${random.integer(400)}`,
    status: 'succeeded',
    log_version: String(random.integer(1_000_000_000)),
    inputs: sentence(random, 820),
  };
}

/** Encodes logs of this second as one compressed PutLogs body. */
export function lz4Body(logs: readonly CorpusLog[]): PutLogsBody {
  const time = Math.floor(Date.now() / 1000);
  const raw = encodeLogGroup({
    topic: '',
    source: '127.0.0.1',
    tags: [],
    logs: logs.map((log) => ({ time, contents: Object.entries(log) })),
  });
  return { bytes: encodeLz4Block(raw), lz4RawBytes: raw.length };
}
