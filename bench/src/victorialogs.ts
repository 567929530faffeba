import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as sendHttp } from 'node:http';
import { createServer } from 'node:net';
import type { CorpusLog } from './log-corpus.ts';
import { cpuSecondsOf } from './process-usage.ts';
import type { Measurement } from './results.ts';

const variable = 'SAMPAN_VICTORIALOGS';
const writePath = '/insert/jsonline?_stream_fields=tenant_id&_time_field=time&_msg_field=message';
const connections = 64;

/**
 * The same logs to VictoriaLogs, as JSON lines, which is what its own manual recommends. Its answer does not
 * mean that a log is on the disk: it writes in the background.
 */
export async function measureVictoriaLogs(
  folder: string,
  batches: readonly (readonly CorpusLog[])[],
  options: { readonly rounds: number; readonly durationMs: number },
): Promise<Measurement[]> {
  const binary = process.env[variable];
  if (binary === undefined || binary === '') {
    const notes = { peer: `${variable} names no binary` };
    return [{ measure: 'VictoriaLogs', unit: 'logs/s', rounds: [], notes }];
  }
  const port = await freePort();
  const child = spawn(
    binary,
    [`-storageDataPath=${folder}`, `-httpListenAddr=127.0.0.1:${port}`, '-loggerLevel=ERROR'],
    { stdio: 'ignore' },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send = createSender(port, agent);
  try {
    await ready(send);
    const acknowledged: number[] = [];
    const perCpu: number[] = [];
    const searchable: number[] = [];
    for (let round = -1; round < options.rounds; round++) {
      const result = await runRound({ send, pid: child.pid ?? 0 }, batches, options.durationMs);
      if (round < 0) continue;
      acknowledged.push(result.acknowledged);
      perCpu.push(result.perCpu);
      searchable.push(result.searchable);
    }
    const notes = { durable: 'no: acknowledged before it is on the disk' };
    return [
      { measure: 'VictoriaLogs, acknowledged', unit: 'logs/s', rounds: acknowledged, notes },
      { measure: 'VictoriaLogs, per CPU second', unit: 'logs/CPU s', rounds: perCpu, notes },
      { measure: 'VictoriaLogs, searchable', unit: 'logs/s', rounds: searchable, notes },
    ];
  } finally {
    agent.destroy();
    child.kill('SIGTERM');
    await once(child, 'close');
  }
}

type Sender = (path: string, body: string) => Promise<string>;

function createSender(port: number, agent: Agent): Sender {
  return (path, body) =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/stream+json',
        'content-length': Buffer.byteLength(body),
      };
      const options = { host: '127.0.0.1', port, agent, method: 'POST', path, headers };
      const outgoing = sendHttp(options, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.once('end', () => {
          if ((incoming.statusCode ?? 500) < 300) resolve(text);
          else reject(new Error(`${path} answered ${incoming.statusCode}: ${text}`));
        });
      });
      outgoing.once('error', reject);
      outgoing.end(body);
    });
}

async function ready(send: Sender): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      await send('/health', '');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function countAll(send: Sender): Promise<number> {
  const query = encodeURIComponent('* | stats count() n');
  const text = await send(`/select/logsql/query?query=${query}`, '');
  if (text.trim() === '') return 0;
  return Number((JSON.parse(text) as { n: string }).n);
}

async function runRound(
  peer: { readonly send: Sender; readonly pid: number },
  batches: readonly (readonly CorpusLog[])[],
  durationMs: number,
): Promise<{ acknowledged: number; perCpu: number; searchable: number }> {
  const time = new Date().toISOString();
  const bodies = batches.map((logs) => logs.map((log) => JSON.stringify({ time, ...log })).join('\n'));
  const found = await countAll(peer.send);
  const before = await cpuSecondsOf(peer.pid);
  const began = performance.now();
  let next = 0;
  let logs = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() - began < durationMs) {
        const index = next++ % bodies.length;
        await peer.send(writePath, bodies[index] ?? '');
        logs += batches[index]?.length ?? 0;
      }
    }),
  );
  const written = performance.now();
  const after = await cpuSecondsOf(peer.pid);
  while ((await countAll(peer.send)) - found < logs) await new Promise((resolve) => setTimeout(resolve, 20));
  const searched = performance.now();
  return {
    acknowledged: (logs / (written - began)) * 1000,
    perCpu: logs / (after.all - before.all),
    searchable: (logs / (searched - began)) * 1000,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
