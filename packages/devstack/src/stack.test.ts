import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findFreePorts } from '@sampan/base';
import { findBinaries, readPostmasterPid } from '@sampan/postgres';
import { waitUntil } from '@sampan/testkit';
import pg from 'pg';
import { describe, expect, test, vi } from 'vitest';
import type { Addresses } from './addresses.ts';
import { environmentOf } from './env.ts';
import { checkHealth } from './health.ts';
import { resetStack } from './reset.ts';
import { startStack } from './stack.ts';
import { readStackState, requireStackState } from './state.ts';
import { createStackFolder, optionsForTests, startStackForTests } from './testing.ts';

// Real servers start and stop here; a busy machine takes ten times the second they need alone.
vi.setConfig({ testTimeout: 60_000 });

/** Asks the emulator as a client of project `dify` does; its signatures are not checked in these tests. */
function askSls({ sls }: Addresses, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'dify.localhost' };
    const options = { host: sls?.host, port: sls?.httpPort, path, headers };
    request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(JSON.parse(text)));
    })
      .once('error', reject)
      .end();
  });
}

/** One statement as the component does it: through its own port, with its own variables. */
async function query(addresses: Addresses, component: string, sql: string): Promise<unknown[]> {
  const environment = environmentOf(addresses, component);
  const client = new pg.Client({
    host: environment['DB_HOST'],
    port: Number(environment['DB_PORT']),
    user: environment['DB_USERNAME'],
    password: environment['DB_PASSWORD'],
    database: environment['DB_DATABASE'],
  });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

const anySignature = { sls: { auth: 'any' } } as const;

describe('startStack', () => {
  test('is ready when every address answers and everything Dify needs exists', async () => {
    await using folder = await createStackFolder();
    const options = optionsForTests(folder.directory, anySignature);
    await using stack = await startStack(options);
    expect((await checkHealth(stack.addresses)).filter(({ isAnswering }) => !isAnswering)).toEqual([]);
    expect(await query(stack.addresses, 'api', 'SELECT current_database()')).toEqual(['dify']);
    expect(await query(stack.addresses, 'pluginDaemon', 'SELECT current_database()')).toEqual([
      'dify_plugin',
    ]);
    expect(await askSls(stack.addresses, '/')).toMatchObject({ projectName: 'dify' });
    for (const logstore of ['workflow_execution', 'workflow_node_execution']) {
      expect(await askSls(stack.addresses, `/logstores/${logstore}/index`)).toMatchObject({
        scan_index: true,
        keys: { log_version: { type: 'long' }, tenant_id: { type: 'text' } },
      });
    }
    const told = options.events.map((event) => (event.event === 'part' ? event.part : event.event));
    // Below a folder that the account of PostgreSQL cannot enter, the stack says that it copied the programs.
    const notices = (await findBinaries()).isCopy ? ['notice'] : [];
    expect([told[0], told.slice(1, -1).toSorted(), told.at(-1)]).toEqual([
      'starting',
      ['databases', 'logstores', ...notices, 'postgres', 'proxy', 'sls'],
      'ready',
    ]);
    expect(await readStackState(folder.directory)).toMatchObject({
      pid: process.pid,
      addresses: JSON.parse(JSON.stringify(stack.addresses)) as unknown,
    });
  });

  test('keeps rows, logs and credentials over a stop, and forgets its state', async () => {
    await using folder = await createStackFolder();
    const first = await startStackForTests(folder.directory, anySignature);
    await query(first.addresses, 'api', 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await first.stop();
    expect(await readStackState(folder.directory)).toBeUndefined();
    await expect(requireStackState(folder.directory)).rejects.toMatchObject({ code: 'DEVSTACK_NOT_RUNNING' });
    await using again = await startStackForTests(folder.directory, anySignature);
    expect(await query(again.addresses, 'worker', 'SELECT answer FROM kept')).toEqual([42]);
    expect(again.addresses.sls?.accessKeySecret).toBe(first.addresses.sls?.accessKeySecret);
  });

  test('runs without emulator and without proxy when those are switched off', async () => {
    await using folder = await createStackFolder();
    await using stack = await startStackForTests(folder.directory, {
      sls: { enabled: false },
      pgproxy: { enabled: false },
    });
    expect(stack.addresses).toMatchObject({ sls: undefined, proxy: undefined });
    expect(await query(stack.addresses, 'api', 'SELECT 1')).toEqual([1]);
  });

  test('a second one in the same directory is told who runs the first', async () => {
    await using folder = await createStackFolder();
    await using _ = await startStackForTests(folder.directory);
    await expect(startStackForTests(folder.directory)).rejects.toMatchObject({
      code: 'DEVSTACK_ALREADY_RUNNING',
      message: expect.stringContaining(String(process.pid)),
    });
    await expect(resetStack(folder.directory)).rejects.toMatchObject({ code: 'DEVSTACK_ALREADY_RUNNING' });
  });

  test('with a busy port starts nothing, and starts once the port is free', async () => {
    await using folder = await createStackFolder();
    const [port = 0] = await findFreePorts('127.0.0.1', 1);
    const holder = createServer();
    await new Promise<void>((done) => holder.listen(port, '127.0.0.1', done));
    const config = { sls: { pgPort: port } };
    await expect(startStackForTests(folder.directory, config)).rejects.toMatchObject({
      code: 'DEVSTACK_PORT_BUSY',
      message: expect.stringMatching(new RegExp(`port ${port} .*sls\\.pgPort.*process ${process.pid} `)),
    });
    expect(existsSync(join(folder.directory, 'postgres'))).toBe(false);
    await new Promise((done) => holder.close(done));
    await using stack = await startStackForTests(folder.directory, config);
    expect(stack.addresses.sls?.pgPort).toBe(port);
  });

  test('takes its port back from a PostgreSQL that an earlier run left over', async () => {
    await using folder = await createStackFolder();
    const [port = 0] = await findFreePorts('127.0.0.1', 1);
    const settings = { postgres: { port } };
    await (await startStackForTests(folder.directory, settings)).stop();
    const cluster = join(folder.directory, 'postgres');
    const { postgres, account } = await findBinaries();
    const words = ['-D', cluster, '-p', String(port), '-c', 'unix_socket_directories='];
    const leftover = spawn(postgres, words, {
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      cwd: '/',
      stdio: 'ignore',
    });
    try {
      const isReady = async () => (await readFile(join(cluster, 'postmaster.pid'), 'utf8')).includes('ready');
      await waitUntil(isReady, { what: 'the other PostgreSQL to accept', timeoutMs: 30_000 });
      const options = optionsForTests(folder.directory, settings);
      await using stack = await startStack(options);
      expect(await query(stack.addresses, 'api', 'SELECT 1')).toEqual([1]);
      expect(options.events).toContainEqual({
        event: 'notice',
        message: `ended PostgreSQL process ${leftover.pid}, left over from an earlier run`,
      });
    } finally {
      leftover.kill('SIGQUIT');
    }
  });

  test('stops PostgreSQL again when the emulator cannot start', async () => {
    await using folder = await createStackFolder();
    const sls = join(folder.directory, 'sls');
    await mkdir(sls, { recursive: true });
    // The first process of the system always runs.
    await writeFile(join(sls, 'lock.json'), JSON.stringify({ pid: 1, startedAt: '' }));
    await expect(startStackForTests(folder.directory)).rejects.toMatchObject({
      code: 'SLS_DATA_DIRECTORY_BUSY',
    });
    expect(await readPostmasterPid(join(folder.directory, 'postgres'))).toBeUndefined();
    expect(await readStackState(folder.directory)).toBeUndefined();
  });

  test('tells when a service ends by itself, and can still be stopped', async () => {
    await using folder = await createStackFolder();
    await using stack = await startStackForTests(folder.directory);
    const pid = await readPostmasterPid(join(folder.directory, 'postgres'));
    process.kill(pid ?? 0, 'SIGQUIT');
    expect(await stack.failed).toMatchObject({ code: 'POSTGRES_FAILED' });
  });

  test('names the backend that exists when asked for another', async () => {
    await using folder = await createStackFolder();
    const options = { ...optionsForTests(folder.directory), backend: 'docker' };
    await expect(startStack(options)).rejects.toMatchObject({
      code: 'DEVSTACK_BACKEND_NOT_SUPPORTED',
      message: expect.stringContaining('`embedded`'),
    });
    expect(existsSync(folder.directory)).toBe(false);
  });
});

describe('resetStack', () => {
  test('removes data and credentials, and leaves what other commands wrote', async () => {
    await using folder = await createStackFolder();
    await (await startStackForTests(folder.directory)).stop();
    await mkdir(join(folder.directory, 'generated'));
    expect(
      (await resetStack(folder.directory)).map((path) => path.slice(folder.directory.length + 1)),
    ).toEqual(['postgres', 'sls', 'logs', 'run', 'secrets.json']);
    expect(existsSync(join(folder.directory, 'generated'))).toBe(true);
    expect(await resetStack(folder.directory)).toEqual([]);
  });
});
