import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { createTemporaryFolder, waitUntil } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { isOpen, root, runSampan } from './src/apps.ts';
import { createStackFolder, readEnvironment, type StackFolder } from './src/dev-stack.ts';
import { outputOf } from './src/running-process.ts';

async function openPorts(folder: StackFolder): Promise<string[]> {
  const open: string[] = [];
  for (const [name, port] of Object.entries(folder.ports)) if (await isOpen(Number(port))) open.push(name);
  return open;
}

async function expectEverythingStopped(folder: StackFolder): Promise<void> {
  await waitUntil(async () => (await openPorts(folder)).length === 0, {
    what: 'every port of the stack to be closed',
    timeoutMs: 20_000,
  });
}

describe('sampan dev', () => {
  it('answers on every port, also the second time', async () => {
    await using folder = await createStackFolder();
    for (let start = 0; start < 2; start++) {
      const stack = await folder.start();
      try {
        expect(await openPorts(folder)).toEqual(['postgres', 'proxy', 'api', 'slsHttp', 'slsPg']);
      } finally {
        const ending = await stack.stop();
        expect(ending.code, outputOf(stack)).toBe(0);
      }
      await expectEverythingStopped(folder);
    }
  });

  it('is ready within three seconds, and within two the second time', async (test) => {
    const load = loadavg()[0] ?? 0;
    if (load > cpus().length) {
      return test.skip(`the load of this machine is ${load.toFixed(1)}: a time measured now says nothing`);
    }
    const tookMs = { first: Number.POSITIVE_INFINITY, second: Number.POSITIVE_INFINITY };
    // The best of three, because other work on the machine only ever makes a start slower.
    for (let attempt = 0; attempt < 3 && (tookMs.first > 3000 || tookMs.second > 2000); attempt++) {
      await using folder = await createStackFolder();
      for (const start of ['first', 'second'] as const) {
        const began = performance.now();
        await using stack = await folder.start();
        tookMs[start] = Math.min(tookMs[start], performance.now() - began);
        expect(stack.ready['event']).toBe('ready');
      }
    }
    expect(tookMs.first).toBeLessThan(3000);
    expect(tookMs.second).toBeLessThan(2000);
  });

  it('keeps credentials to their owner and out of its output', async () => {
    await using folder = await createStackFolder();
    await using stack = await folder.start();
    const environment = await readEnvironment(folder);
    const secret = environment['ALIYUN_SLS_ACCESS_KEY_SECRET'] ?? '';
    expect(secret.length).toBeGreaterThan(20);
    const { mode } = await import('node:fs').then(({ statSync }) =>
      statSync(join(folder.data, 'secrets.json')),
    );
    expect((mode & 0o777).toString(8)).toBe('600');
    const log = join(folder.data, 'logs/stack.log');
    if (existsSync(log)) expect(await readFile(log, 'utf8')).not.toContain(secret);
    expect(stack.stderr()).not.toContain(secret);
  });

  it.skipIf(process.platform !== 'linux')('holds less than 400 MB when idle', async () => {
    await using folder = await createStackFolder();
    await using stack = await folder.start();
    const residentMb = async (): Promise<number> => {
      const status = await readFile(`/proc/${stack.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    };
    // Emulator and proxy live in this one process; PostgreSQL is a process of its own.
    expect(await residentMb()).toBeLessThan(400);
  });

  it('tells its state, and removes its data only when it is stopped', async () => {
    await using folder = await createStackFolder();
    const stack = await folder.start();
    const status = await folder.sampan(['status', '--json']);
    expect(status.code, status.stderr).toBe(0);
    const { health } = JSON.parse(status.stdout) as { health: { isAnswering: boolean }[] };
    expect(health.length).toBeGreaterThan(2);
    expect(health.every(({ isAnswering }) => isAnswering)).toBe(true);

    const refused = await folder.sampan(['reset']);
    expect([2, 3]).toContain(refused.code);
    expect(refused.stderr).toContain(String(stack.pid));
    expect(await openPorts(folder)).toHaveLength(5);

    const before = await readEnvironment(folder);
    await stack.stop();
    const removed = await folder.sampan(['reset']);
    expect(removed.code, removed.stderr).toBe(0);
    await using again = await folder.start();
    expect(again.ready['event']).toBe('ready');
    expect((await readEnvironment(folder))['ALIYUN_SLS_ACCESS_KEY_ID']).not.toBe(
      before['ALIYUN_SLS_ACCESS_KEY_ID'],
    );
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'stops everything on %s and exits with 0',
    async (signal) => {
      await using folder = await createStackFolder();
      await using stack = await folder.start();
      stack.signal(signal);
      expect(await stack.ended, outputOf(stack)).toEqual({ code: 0, signal: null });
      await expectEverythingStopped(folder);
    },
  );

  it('stops when its parent dies', async () => {
    await using folder = await createStackFolder();
    const words = [
      join(root, 'bin/sampan.mjs'),
      'dev',
      '--json',
      '--directory',
      folder.data,
      '--config',
      folder.config,
    ];
    // A parent that does nothing but start the stack and live until it is killed.
    const source =
      "const { spawn } = require('node:child_process');" +
      'spawn(process.execPath, JSON.parse(process.argv[1]), { stdio: "ignore" }); setInterval(() => {}, 1000);';
    const parent = spawn(process.execPath, ['-e', source, JSON.stringify(words)], {
      stdio: 'ignore',
      cwd: folder.path,
    });
    await waitUntil(async () => (await openPorts(folder)).length === 5, {
      what: 'the stack to answer on every port',
      timeoutMs: 60_000,
    });
    parent.kill('SIGKILL');
    await expectEverythingStopped(folder);
    // And it left nothing behind that would be in the way of the next start.
    await using again = await folder.start();
    expect((await again.stop()).code).toBe(0);
  });

  it('runs once per folder: the second is told who is there', async () => {
    await using folder = await createStackFolder();
    await using stack = await folder.start();
    const second = await folder.sampan(['dev', '--json', '--config', folder.config]);
    expect(second.code).toBe(3);
    expect(second.stderr).toContain(String(stack.pid));
    expect(await openPorts(folder)).toHaveLength(5);
  });

  it('names a busy port, the option that moves it, and exits with 3', async () => {
    await using folder = await createStackFolder();
    const holder = createServer().listen(folder.ports.slsHttp, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    try {
      const run = await folder.sampan(['dev', '--json', '--config', folder.config]);
      expect(run.code, run.stderr).toBe(3);
      expect(run.stderr).toContain(String(folder.ports.slsHttp));
      expect(run.stderr).toContain('httpPort');
      expect(run.stderr).not.toMatch(/\n\s+at /);
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
    // The failed start is in nobody's way.
    await using stack = await folder.start();
    expect((await stack.stop()).code).toBe(0);
  });

  it('passes the exit code and the words of a program through `sampan exec`', async () => {
    await using folder = await createStackFolder();
    await using stack = await folder.start();
    expect(stack.ready['event']).toBe('ready');
    const program =
      'process.stdout.write(JSON.stringify([process.argv.slice(1), process.env.DB_PORT])); process.exit(7)';
    const run = await folder.sampan([
      'exec',
      '--',
      process.execPath,
      '-e',
      program,
      '--',
      '--json',
      'two words',
      '$HOME',
    ]);
    expect(run.code, run.stderr).toBe(7);
    expect(JSON.parse(run.stdout)).toEqual([['--json', 'two words', '$HOME'], String(folder.ports.api)]);
  });
});

describe('commands that need a running stack', () => {
  it.each([['env'], ['status'], ['exec', '--', 'true']])('say that none runs: %s', async (...words) => {
    await using folder = await createStackFolder();
    const run = await folder.sampan(words);
    expect([2, 3]).toContain(run.code);
    expect(run.stderr).toMatch(/no stack runs/);
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });
});

describe('sampan.yaml', () => {
  const mistakes = [
    'name: Dify Demo',
    'postgres:',
    '  port: 70000',
    '  maxConections: 50',
    'sls:',
    '  project: X',
    '  auth: sometimes',
    '',
  ].join('\n');

  it.each([['dev'], ['plan'], ['generate']])(
    'with five mistakes gets five positions at once from `%s`, and exit 2',
    async (command) => {
      await using folder = await createTemporaryFolder();
      const path = join(folder.path, 'sampan.yaml');
      await writeFile(path, mistakes);
      const run = await runSampan([command, '--config', path], { cwd: folder.path });
      expect(run.code, run.stderr).toBe(2);
      for (const position of ['1:7', '3:9', '4:3', '6:12', '7:9'])
        expect(run.stderr).toContain(`:${position}`);
      // The value, what is allowed, and the nearest name of a misspelt option.
      for (const text of ['Dify Demo', '70000', '65535', 'maxConnections', 'sometimes', 'strict']) {
        expect(run.stderr).toContain(text);
      }
      expect(run.stderr).not.toMatch(/\n\s+at /);
    },
  );

  it.each([
    ['no YAML', 'name: [unclosed'],
    ['a list', '- a\n- b\n'],
    ['a key twice', 'name: a\nname: b\n'],
    ['a tab', 'sls:\n\thttpPort: 1\n'],
    [
      'an alias bomb',
      `a: &a [x,x]\n${'bcdefghijk'
        .split('')
        .map((name, n) => `${name}: &${name} [*${'abcdefghij'[n]},*${'abcdefghij'[n]},*${'abcdefghij'[n]}]`)
        .join('\n')}\n`,
    ],
    ['bytes that are no text', '\u0000\u0001\ufffd'],
  ])('that is %s is refused with a position and exit 2', async (_, text) => {
    await using folder = await createTemporaryFolder();
    const path = join(folder.path, 'sampan.yaml');
    await writeFile(path, text);
    const run = await runSampan(['plan', '--config', path], { cwd: folder.path });
    expect(run.code, run.stdout + run.stderr).toBe(2);
    expect(run.stderr).toMatch(/sampan\.yaml:\d+:\d+/);
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });

  it('that is empty is the default', async () => {
    await using folder = await createTemporaryFolder();
    const path = join(folder.path, 'sampan.yaml');
    await writeFile(path, '');
    const run = await runSampan(['plan', '--config', path], { cwd: folder.path });
    expect(run.code, run.stderr).toBe(0);
  });

  it('that is not there is named', async () => {
    const run = await runSampan(['plan', '--config', '/nowhere/sampan.yaml']);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('/nowhere/sampan.yaml');
  });
});
