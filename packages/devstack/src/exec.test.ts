import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createTemporaryFolder } from '@sampan/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execEnvironment, execProgram } from './exec.ts';
import { findPreloadFiles } from './preload-files.ts';
import { sampleAddresses } from './sample-addresses.ts';

let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => response.end(request.headers.host));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => void server.close());

function environment(inherited: Record<string, string | undefined> = process.env): NodeJS.ProcessEnv {
  const addresses = sampleAddresses({ httpPort: port });
  return execEnvironment({ addresses, environment: inherited });
}

/** Runs a program; the test's own event loop must go on, because it serves the requests. */
async function outputOf(
  command: string,
  words: string[],
  env: NodeJS.ProcessEnv = environment(),
): Promise<string> {
  const child = spawn(command, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((done) => child.once('close', done));
  return output.trim();
}

const node = (script: string, env?: NodeJS.ProcessEnv): Promise<string> =>
  outputOf(process.execPath, ['--input-type=module', '-e', script], env);

describe('a Node program under exec', () => {
  test('reaches PROJECT.localhost with http.request, and the project stays in the Host header', async () => {
    const script = `import http from 'node:http';
      http.get('http://dify.localhost:${port}/', (r) => r.on('data', (d) => process.stdout.write(d)));`;
    expect(await node(script)).toBe(`dify.localhost:${port}`);
  });

  test('reaches it with fetch', async () => {
    expect(await node(`console.log(await (await fetch('http://other.localhost:${port}/')).text())`)).toBe(
      `other.localhost:${port}`,
    );
  });

  test('gets the address from every form of lookup', async () => {
    const script = `
      import dns, { lookup } from 'node:dns';
      import * as promises from 'node:dns/promises';
      import { promisify } from 'node:util';
      const name = 'Dify.LOCALHOST.';
      const back = (...words) => new Promise((done) => lookup(...words, (...answer) => done(answer)));
      console.log(JSON.stringify([
        await back(name), await back(name, 4), await back(name, {}), await back(name, { all: true }),
        await promises.lookup(name), await dns.promises.lookup(name, { all: true, family: 4 }),
        await promisify(dns.lookup)(name),
      ]));`;
    const one = { address: '127.0.0.1', family: 4 };
    const words = [null, '127.0.0.1', 4];
    expect(JSON.parse(await node(script))).toEqual([words, words, words, [null, [one]], one, [one], one]);
  });

  test('resolves every other name as before', async () => {
    const script = `import dns from 'node:dns';
      dns.lookup('localhost', { family: 4 }, (error, address) => console.log(error, address));
      dns.lookup('127.0.0.9', (error, address) => console.log(error, address));`;
    expect((await node(script)).split('\n').sort()).toEqual(['null 127.0.0.1', 'null 127.0.0.9']);
  });

  test('keeps the NODE_OPTIONS it had', async () => {
    const env = environment({ ...process.env, NODE_OPTIONS: '--stack-trace-limit=3' });
    expect(await node('console.log(Error.stackTraceLimit, process.env.NODE_OPTIONS.length > 25)', env)).toBe(
      '3 true',
    );
  });

  test('finds the preload in a folder whose name has blanks and quotes', async () => {
    await using folder = await createTemporaryFolder();
    const root = join(folder.path, 'a "b" c');
    mkdirSync(join(root, 'apps/cli/dist'), { recursive: true });
    cpSync(join(findPreloadFiles().pythonFolder, '..'), join(root, 'packages/devstack/preload'), {
      recursive: true,
    });
    writeFileSync(join(root, 'pnpm-workspace.yaml'), '');
    const found = findPreloadFiles(`file://${encodeURI(join(root, 'apps/cli/dist/main.js'))}`);
    const quoted = `--require "${found.nodeFile.replaceAll('"', '\\"')}"`;
    const env = { ...environment(), NODE_OPTIONS: quoted };
    expect(await node("import dns from 'node:dns'; console.log(dns.lookup.name)", env)).toBe('lookup');
    expect(found.nodeFile).toContain('a "b" c/packages/devstack/preload');
  });
});

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!hasPython)('a Python program under exec', () => {
  test('reaches PROJECT.localhost with urllib', async () => {
    const script = `import urllib.request; print(urllib.request.urlopen("http://dify.localhost:${port}/").read().decode())`;
    expect(await outputOf('python3', ['-c', script])).toBe(`dify.localhost:${port}`);
  });

  test('gets the address from every resolver function, and other names resolve as before', async () => {
    const script = [
      'import socket, _socket',
      'print(socket.gethostbyname("dify.localhost"), socket.gethostbyname_ex("dify.localhost")[2])',
      'print(socket.getaddrinfo("dify.localhost", 80, type=socket.SOCK_STREAM)[0][4])',
      'print(_socket.getaddrinfo(b"dify.localhost", 80)[0][4])',
      'print(socket.gethostbyname("127.0.0.9"))',
    ].join('\n');
    expect((await outputOf('python3', ['-c', script])).split('\n')).toEqual([
      "127.0.0.1 ['127.0.0.1']",
      "('127.0.0.1', 80)",
      "('127.0.0.1', 80)",
      '127.0.0.9',
    ]);
  });

  test('still runs the sitecustomize it would have run without us', async () => {
    await using folder = await createTemporaryFolder();
    writeFileSync(join(folder.path, 'sitecustomize.py'), 'import builtins; builtins.theirs = "ran"');
    const env = environment({ ...process.env, PYTHONPATH: folder.path });
    expect(
      await outputOf(
        'python3',
        ['-c', 'import socket; print(theirs, socket.gethostbyname("a.localhost"))'],
        env,
      ),
    ).toBe('ran 127.0.0.1');
  });
});

describe('execProgram', () => {
  const addresses = sampleAddresses();
  const run = (script: string): Promise<number> =>
    execProgram({ addresses, command: ['/bin/sh', '-c', script] });

  test("settles with the program's exit code", async () => {
    expect(await run('exit 37')).toBe(37);
  });

  test('settles with 128 plus the signal that ended the program', async () => {
    expect(await run('kill -TERM $$')).toBe(143);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'passes %s on to the program and returns its answer',
    async (signal) => {
      const program = 'trap "echo got; exit 9" TERM INT HUP; echo up; while :; do sleep 0.02; done';
      const script = `
      const { execProgram } = await import(${JSON.stringify(new URL('./exec.ts', import.meta.url).href)});
      const addresses = ${JSON.stringify(addresses)};
      process.exitCode = await execProgram({ addresses, command: ['/bin/sh', '-c', ${JSON.stringify(program)}] });`;
      const words = ['--import', 'tsx', '--input-type=module', '-e', script];
      const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        if (output === '') child.kill(signal);
        output += chunk.toString();
      });
      const code = await new Promise((done) => child.once('close', done));
      expect([output, code]).toEqual(['up\ngot\n', 9]);
    },
  );

  test('names a program that does not exist', async () => {
    await expect(execProgram({ addresses, command: ['no-such-program'] })).rejects.toMatchObject({
      code: 'DEVSTACK_COMMAND_NOT_FOUND',
      message: 'cannot start `no-such-program`: no such program',
    });
  });
});
