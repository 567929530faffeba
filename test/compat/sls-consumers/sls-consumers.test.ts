import { createInterface } from 'node:readline';
import { createLifecycle } from '@sampan/base';
import { createTemporaryFolder, waitUntil } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { root, startSlsProcess } from '../../src/apps.ts';
import { prepareGo } from '../../src/go-program.ts';
import { encodeLogGroup } from '../../src/log-group-bytes.ts';
import { preparePython } from '../../src/python-environment.ts';
import { outputOf, type RunningProcess, startProcess } from '../../src/running-process.ts';
import { putLogs, type SlsTarget, sendOk } from '../../src/sls-request.ts';
import { DeliveryLedger } from './delivery-ledger.ts';

const folder = `${root}/test/compat/sls-consumers`;
const python = await preparePython(['aliyun-log-python-sdk==0.9.47']);
const go = await prepareGo(`${folder}/go-consumer`);

const libraries = [
  {
    name: 'Python',
    missing: python.missing,
    command: python.missing === undefined ? [python.python, `${folder}/python_consumer.py`] : [],
  },
  { name: 'Go', missing: go.missing, command: go.missing === undefined ? [go.program] : [] },
];

/** First hex digits of hash keys, two in each of four shards, so that a split parts them. */
const lanes = ['0', '2', '4', '6', '8', 'a', 'c', 'e'] as const;
const logstore = 'orders';

/** Writes to every lane, one group after another, until told to stop. Returns how many logs each lane has got. */
function startWriter(target: SlsTarget): () => Promise<ReadonlyMap<string, number>> {
  let isStopped = false;
  const counts = new Map<string, number>();
  async function write(lane: string): Promise<void> {
    while (!isStopped) {
      const sequence = counts.get(lane) ?? 0;
      const logs = [0, 1, 2].map((index) => ({
        time: 1_700_000_000 + sequence + index,
        contents: [
          ['lane', lane],
          ['sequence', String(sequence + index)],
        ] as const,
      }));
      const answer = await putLogs(target, logstore, encodeLogGroup({ logs, topic: lane }), {
        path: `/logstores/${logstore}/shards/route`,
        query: { key: `${lane}7`.padEnd(32, '0') },
      });
      if (answer.status !== 200) throw new Error(`a write was refused: ${answer.body.toString()}`);
      counts.set(lane, sequence + logs.length);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const writing = Promise.all(lanes.map(write));
  return async () => {
    isStopped = true;
    await writing;
    return counts;
  };
}

async function createShop(target: SlsTarget): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const project = JSON.stringify({ projectName: target.project, description: '' });
  await sendOk(target, { method: 'POST', path: '/', headers, body: project });
  const body = JSON.stringify({ logstoreName: logstore, ttl: 7, shardCount: 4 });
  await sendOk(target, { method: 'POST', path: '/logstores', headers, body });
}

describe('three consumers of the vendor’s library share four shards', () => {
  for (const library of libraries) {
    it(`in ${library.name}, through join, kill, split and merge: each log, no gap, in order`, async (test) => {
      if (library.missing !== undefined) {
        test.skip(`no ${library.name}: ${library.missing}`);
        return;
      }
      await using data = await createTemporaryFolder();
      await using sls = await startSlsProcess(data.path);
      const target = sls.target('consumer-compat');
      await createShop(target);
      const ledger = new DeliveryLedger();
      const lifecycle = createLifecycle();
      await using _cleanup = { [Symbol.asyncDispose]: () => lifecycle.stop() };

      function start(name: string): RunningProcess {
        const running = startProcess({
          command: [...library.command, name],
          environment: {
            ...process.env,
            http_proxy: sls.http,
            HTTP_PROXY: sls.http,
            NO_PROXY: '',
            no_proxy: '',
            ENDPOINT: 'http://cn-hangzhou.log.aliyuncs.com',
            ACCESS_KEY_ID: sls.key.id,
            ACCESS_KEY_SECRET: sls.key.secret,
            PROJECT: target.project,
            LOGSTORE: logstore,
          },
        });
        lifecycle.defer(name, async () => void (await running.stop()));
        const { stdout } = running.child;
        if (stdout !== null) {
          createInterface({ input: stdout }).on('line', (line) => ledger.enter(name, line));
        }
        return running;
      }
      const delivers = (what: string, holds: () => boolean, running: RunningProcess): Promise<boolean> =>
        waitUntil(holds, { what: `${what}\n${outputOf(running)}`, timeoutMs: 60_000 });

      const stopWriting = startWriter(target);
      lifecycle.defer('writer', async () => void (await stopWriting()));
      const first = start('first');
      await delivers('one consumer to read every shard', () => ledger.shardsOf('first').size === 4, first);
      const second = start('second');
      await delivers('a second one to get shards', () => ledger.shardsOf('second').size > 0, second);
      const third = start('third');
      await delivers('a third one to get shards', () => ledger.shardsOf('third').size > 0, third);

      second.signalGroup('SIGKILL');
      await second.ended;
      const lost = [...ledger.shardsOf('second')];
      const marks = lanes.map((lane) => ledger.delivered(lane));
      await delivers(
        `all lanes to go on after the death of the reader of ${lost.join(' and ')}`,
        () => lanes.every((lane, index) => ledger.delivered(lane) > (marks[index] ?? 0)),
        first,
      );

      await sendOk(target, {
        method: 'POST',
        path: `/logstores/${logstore}/shards/1`,
        query: { action: 'split' },
      });
      await sendOk(target, {
        method: 'POST',
        path: `/logstores/${logstore}/shards/2`,
        query: { action: 'merge' },
      });
      const replacement = start('replacement');
      const read = (shard: number): boolean =>
        ['first', 'third', 'replacement'].some((name) => ledger.shardsOf(name).has(shard));
      await delivers('the shards born of split and merge to be read', () => [4, 5, 6].every(read), first);
      await delivers('the new one to get shards', () => ledger.shardsOf('replacement').size > 0, replacement);

      const written = await stopWriting();
      await delivers(
        'every log to be delivered',
        () => lanes.every((lane) => ledger.delivered(lane) === written.get(lane)),
        third,
      );
      expect(ledger.gaps).toEqual([]);
      const logs = [...written.values()].reduce((sum, count) => sum + count, 0);
      // Only what the killed consumer had read since its last checkpoint comes again.
      expect(ledger.repeated).toBeLessThan(logs / 2);
    });
  }
});
