import type { TemporaryFolder } from '@sampan/testkit';
import { createTemporaryFolder } from '@sampan/testkit';
import { type SlsProcess, startSlsProcess } from '../../src/apps.ts';
import { createLogstore, sendOk, sendToSls } from '../../src/sls-request.ts';

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
  /** The next two leave it at that where such a thing is not emulated: the case that needs it then fails. */
  createMetricStore(project: string, name: string): Promise<void>;
  createAlert(project: string, name: string): Promise<void>;
}

const accessLogCount = 200;

/** As Logtail and the producers write them: with the pack id that GetContextLogs goes by. */
function accessLogs(): string {
  const now = Math.floor(Date.now() / 1000);
  const methods = ['GET', 'POST', 'PUT', 'DELETE'];
  return JSON.stringify({
    __topic__: 'access',
    __source__: '192.0.2.1',
    __tags__: { __pack_id__: '5A5E0F6C7B8D9E0F-1' },
    __logs__: Array.from({ length: accessLogCount }, (_, index) => ({
      __time__: String(now - accessLogCount + index),
      method: methods[index % methods.length] ?? '',
      path: `/item/${index}`,
    })),
  });
}

const headers = { 'content-type': 'application/json' };

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
      const body = accessLogs();
      await sendOk(sls.target(project), {
        method: 'POST',
        path: `/logstores/${logstore}/shards/lb`,
        headers,
        body,
      });
    },
    async deleteIndex(project, logstore) {
      await sendOk(sls.target(project), { method: 'DELETE', path: `/logstores/${logstore}/index` });
    },
    async createMetricStore(project, name) {
      const body = JSON.stringify({ name, ttl: 7, shardCount: 2, metricType: 'prometheus' });
      await sendToSls(sls.target(project), { method: 'POST', path: '/metricstores', headers, body });
    },
    async createAlert(project, name) {
      const configuration = {
        condition: 'total > 1',
        dashboard: 'alerts',
        queryList: [],
        notificationList: [],
      };
      const schedule = { type: 'FixedRate', interval: '5m' };
      const body = JSON.stringify({
        name,
        displayName: name,
        type: 'Alert',
        state: 'Enabled',
        configuration,
        schedule,
      });
      await sendToSls(sls.target(project), { method: 'POST', path: '/jobs', headers, body });
    },
    [Symbol.asyncDispose]: async () => {
      await sls.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
