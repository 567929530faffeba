import type { TemporaryFolder } from '@sampan/testkit';
import { createTemporaryFolder } from '@sampan/testkit';
import { type SlsProcess, startSlsProcess } from '../../src/apps.ts';
import { encodeLogGroup } from '../../src/log-group-bytes.ts';
import { createLogstore, putLogs, sendOk, sendToSls } from '../../src/sls-request.ts';

/** Host that the suites are told to talk to; a proxy leads it to the emulator. */
export const endpoint = 'cn-hangzhou.log.aliyuncs.com';

/** An emulator of its own for a suite, with its data in a folder that goes with it. */
export interface SuiteEmulator extends AsyncDisposable {
  readonly http: string;
  readonly key: SlsProcess['key'];
  /** Creates a project with logstores whose index has a few text keys. */
  createProject(project: string, logstores: readonly string[]): Promise<void>;
  /** Writes some access logs, one a second, up to now. */
  writeAccessLogs(project: string, logstore: string): Promise<void>;
  deleteIndex(project: string, logstore: string): Promise<void>;
  /** Leaves it at that where metric stores are not emulated. */
  createMetricStore(project: string, name: string): Promise<void>;
}

const accessLogCount = 200;

function accessLogs(): Buffer {
  const now = Math.floor(Date.now() / 1000);
  const methods = ['GET', 'POST', 'PUT', 'DELETE'];
  return encodeLogGroup({
    topic: 'access',
    logs: Array.from({ length: accessLogCount }, (_, index) => ({
      time: now - accessLogCount + index,
      contents: [
        ['method', methods[index % methods.length] ?? ''],
        ['path', `/item/${index}`],
      ],
    })),
  });
}

/** Starts `bin/sls.mjs` for one suite. */
export async function startSuiteEmulator(auth: 'strict' | 'any' = 'strict'): Promise<SuiteEmulator> {
  const folder: TemporaryFolder = await createTemporaryFolder();
  const sls = await startSlsProcess(folder.path, ['--auth', auth]);
  return {
    http: sls.http,
    key: sls.key,
    async createProject(project, logstores) {
      for (const logstore of logstores)
        await createLogstore(sls.target(project), logstore, ['method', 'path']);
    },
    async writeAccessLogs(project, logstore) {
      const answer = await putLogs(sls.target(project), logstore, accessLogs());
      if (answer.status !== 200) throw new Error(`PutLogs answered ${answer.status}`);
    },
    async deleteIndex(project, logstore) {
      await sendOk(sls.target(project), { method: 'DELETE', path: `/logstores/${logstore}/index` });
    },
    async createMetricStore(project, name) {
      const body = JSON.stringify({ name, ttl: 7, shardCount: 2, metricType: 'prometheus' });
      const headers = { 'content-type': 'application/json' };
      await sendToSls(sls.target(project), { method: 'POST', path: '/metricstores', headers, body });
    },
    [Symbol.asyncDispose]: async () => {
      await sls.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
