import { readFile, stat } from 'node:fs/promises';
import { Agent } from 'node:http';
import { createRequire } from 'node:module';
import { createServer, type LookupFunction } from 'node:net';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import type { Sls } from './sls.ts';
import { startSls } from './testing.ts';

/** The vendor's npm client; it has no types of its own. */
interface LogClient {
  createProject(project: string, data: { description: string }, options?: object): Promise<unknown>;
  getProject(project: string, options?: object): Promise<Record<string, unknown>>;
  deleteProject(project: string, options?: object): Promise<unknown>;
  listLogStore(project: string, data: object, options?: object): Promise<Record<string, unknown>>;
  createLogStore(project: string, name: string, data: object, options?: object): Promise<unknown>;
  updateLogStore(project: string, name: string, data: object, options?: object): Promise<unknown>;
  getLogStore(project: string, name: string, options?: object): Promise<Record<string, unknown>>;
  deleteLogStore(project: string, name: string, options?: object): Promise<unknown>;
  createIndex(project: string, name: string, index: object, options?: object): Promise<unknown>;
  updateIndex(project: string, name: string, index: object, options?: object): Promise<unknown>;
  getIndexConfig(project: string, name: string, options?: object): Promise<Record<string, unknown>>;
  deleteIndex(project: string, name: string, options?: object): Promise<unknown>;
  postLogStoreLogs(project: string, name: string, data: object, options?: object): Promise<unknown>;
  getLogs(
    project: string,
    name: string,
    from: Date,
    to: Date,
    data: object,
    options?: object,
  ): Promise<Row[]>;
  getHistograms(
    project: string,
    name: string,
    from: Date,
    to: Date,
    data: object,
    options?: object,
  ): Promise<Row[]>;
  getProjectLogs(project: string, data: object, options?: object): Promise<Row[]>;
}
type Row = Record<string, unknown>;

const require = createRequire(import.meta.url);
const Client = require('@alicloud/log') as new (options: object) => LogClient;

/** A client that resolves every name to the emulator, as a hosts entry would. */
function clientOf(sls: Sls, secret = sls.accessKey.secret): { client: LogClient; options: object } {
  const client = new Client({
    endpoint: `sls.local:${sls.httpPort}`,
    accessKeyId: sls.accessKey.id,
    accessKeySecret: secret,
  });
  const lookup: LookupFunction = (_name, lookupOptions, callback) => {
    if (lookupOptions.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
    else callback(null, '127.0.0.1', 4);
  };
  return { client, options: { agent: new Agent({ lookup }), timeout: 20_000 } };
}

const index = {
  line: { token: [',', ' ', "'", '"', ';', '='], caseSensitive: false, chn: false },
  keys: {
    status: { type: 'long', doc_value: true },
    name: { type: 'text', token: [',', ' '], caseSensitive: false, doc_value: true, chn: true },
  },
};

describe("the vendor's npm client", () => {
  it('creates, writes, reads and deletes', async () => {
    await using sls = await startSls();
    const { client, options } = clientOf(sls);
    await expect(client.getProject('shop', options)).rejects.toMatchObject({ code: 'ProjectNotExist' });
    await client.createProject('shop', { description: 'from npm' }, options);
    expect(await client.getProject('shop', options)).toMatchObject({
      projectName: 'shop',
      description: 'from npm',
    });

    await client.createLogStore('shop', 'orders', { ttl: 10, shardCount: 2 }, options);
    expect(await client.listLogStore('shop', {}, options)).toMatchObject({ count: 1, logstores: ['orders'] });
    await client.updateLogStore('shop', 'orders', { ttl: 20, shardCount: 2 }, options);
    expect(await client.getLogStore('shop', 'orders', options)).toMatchObject({ ttl: 20, shardCount: 2 });

    await expect(client.getIndexConfig('shop', 'orders', options)).rejects.toMatchObject({
      code: 'IndexConfigNotExist',
    });
    await client.createIndex('shop', 'orders', index, options);
    expect(await client.getIndexConfig('shop', 'orders', options)).toMatchObject(index);

    const timestamp = Math.floor(Date.now() / 1000);
    const logs = [200, 200, 404].map((status, n) => ({
      timestamp,
      content: { status: String(status), name: `客户 n${n}` },
    }));
    await client.postLogStoreLogs(
      'shop',
      'orders',
      { logs, topic: 't', source: 's', tags: [{ host: 'a' }] },
      options,
    );

    const from = new Date((timestamp - 60) * 1000);
    const to = new Date((timestamp + 60) * 1000);
    const found = await client.getLogs(
      'shop',
      'orders',
      from,
      to,
      { query: 'status = 404', line: 10 },
      options,
    );
    expect(found).toEqual([
      {
        status: '404',
        name: '客户 n2',
        __time__: String(timestamp),
        __topic__: 't',
        __source__: 's',
        '__tag__:host': 'a',
      },
    ]);
    const query = '* | select status, count(1) as pv group by status order by status';
    expect(await client.getLogs('shop', 'orders', from, to, { query }, options)).toEqual([
      { status: '200', pv: '2' },
      { status: '404', pv: '1' },
    ]);
    const slots = await client.getHistograms('shop', 'orders', from, to, { query: '*' }, options);
    expect(slots.reduce((sum, slot) => sum + Number(slot['count']), 0)).toBe(3);
    const sql = `select count(1) as n from orders where __time__ >= ${timestamp - 1}`;
    expect(await client.getProjectLogs('shop', { query: sql }, options)).toEqual([{ n: '3' }]);

    await client.deleteIndex('shop', 'orders', options);
    await client.deleteLogStore('shop', 'orders', options);
    await expect(client.getLogStore('shop', 'orders', options)).rejects.toMatchObject({
      code: 'LogStoreNotExist',
    });
    await client.deleteProject('shop', options);
    await expect(client.getProject('shop', options)).rejects.toMatchObject({ code: 'ProjectNotExist' });
  });

  it('with a wrong secret is told that the signature does not match', async () => {
    await using sls = await startSls({ pg: false });
    const { client, options } = clientOf(sls, 'wrong');
    await expect(client.getProject('shop', options)).rejects.toMatchObject({
      code: 'SignatureNotMatch',
      message: expect.stringMatching(/^signature \S+ not match$/) as string,
    });
    await using open = await startSls({ pg: false, auth: 'any' });
    const any = clientOf(open, 'wrong');
    await expect(any.client.getProject('shop', any.options)).rejects.toMatchObject({
      code: 'ProjectNotExist',
    });
  });
});

describe('the data directory', () => {
  it('keeps everything across a restart: key, certificate, catalogue, logs', async () => {
    await using folder = await createTemporaryFolder();
    const dataDirectory = join(folder.path, 'data');
    const timestamp = Math.floor(Date.now() / 1000);
    const first = await startSls({ dataDirectory });
    const before = clientOf(first);
    await first.catalog.ensureProject({ projectName: 'shop' });
    await first.catalog.ensureLogstore('shop', 'orders');
    await first.catalog.ensureIndex('shop', 'orders', index);
    expect(await first.catalog.ensureIndex('shop', 'orders', index)).toBe(false);
    const logs = [{ timestamp, content: { status: '1', name: 'kept' } }];
    await before.client.postLogStoreLogs('shop', 'orders', { logs }, before.options);
    await first.stop();
    await first.stop();

    await using second = await startSls({ dataDirectory });
    expect(second.accessKey).toEqual(first.accessKey);
    expect(second.certificate).toBe(first.certificate);
    const { client, options } = clientOf(second);
    const span = [new Date(0), new Date((timestamp + 60) * 1000)] as const;
    expect(await client.getLogs('shop', 'orders', ...span, { query: 'name: kept' }, options)).toHaveLength(1);
    const key = join(dataDirectory, 'identity/access-key.json');
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readFile(key, 'utf8')).toContain(second.accessKey.secret);
  });

  it('serves one emulator at a time', async () => {
    await using folder = await createTemporaryFolder();
    await using sls = await startSls({ dataDirectory: folder.path, pg: false });
    await expect(startSls({ dataDirectory: folder.path, pg: false })).rejects.toMatchObject({
      code: 'SLS_DATA_DIRECTORY_BUSY',
    });
    expect(sls.httpPort).toBeGreaterThan(0);
  });

  it('is left free by a start that failed', async () => {
    await using folder = await createTemporaryFolder();
    const blocker = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    const http = { port };
    await expect(startSls({ dataDirectory: folder.path, http, pg: false })).rejects.toMatchObject({
      code: 'SLS_PORT_BUSY',
      family: 'environment',
      message: `port ${port} on 127.0.0.1 is in use by another program`,
      hint: expect.stringContaining('--port') as string,
    });
    await expect(startSls({ dataDirectory: folder.path, pg: { port } })).rejects.toMatchObject({
      hint: expect.stringContaining('--pg-port') as string,
    });
    blocker.close();
    await using sls = await startSls({ dataDirectory: folder.path, pg: false });
    expect(sls.pgPort).toBeUndefined();
  });
});

describe('extra listeners', () => {
  it('answer with the same data; an optional one that is refused is reported', async () => {
    const host = '192.0.2.1';
    await using sls = await startSls({
      extraListeners: [
        { host: 'localhost', httpPort: 0, pgPort: 0, optional: true },
        { host, httpPort: 80, pgPort: 5432, optional: true },
      ],
    });
    expect(sls.listeners).toHaveLength(2);
    expect(sls.refused.map((refusal) => refusal.address)).toEqual([
      { host, port: 80 },
      { host, port: 5432 },
    ]);
    const { client, options } = clientOf({ ...sls, httpPort: sls.listeners[1]?.http?.port ?? 0 });
    await sls.catalog.ensureProject({ projectName: 'shop' });
    expect(await client.getProject('shop', options)).toMatchObject({ projectName: 'shop' });
  });

  it('that must be had stop the start when they are refused', async () => {
    const extraListeners = [{ host: '192.0.2.1', httpPort: 80, pgPort: 5432, optional: false }];
    await expect(startSls({ pg: false, extraListeners })).rejects.toMatchObject({ code: 'SLS_PORT_REFUSED' });
  });
});

it.each([
  [{ timeZone: 'Middle/Earth' }, /Middle\/Earth/],
  [{ accessKeys: [] }, /accessKeys/],
])('refuses the options %j', async (options, message) => {
  await expect(startSls(options)).rejects.toMatchObject({
    code: 'SLS_OPTION_INVALID',
    message: expect.stringMatching(message) as string,
  });
});
