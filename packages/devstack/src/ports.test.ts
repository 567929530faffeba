import { createServer, type Server } from 'node:net';
import { findFreePorts } from '@sampan/base';
import { expect, test } from 'vitest';
import { describePortHolder } from './port-holder.ts';
import { assertPortsFree, type WantedPort } from './ports.ts';

async function findFreePort(): Promise<number> {
  const [port] = await findFreePorts('127.0.0.1', 1);
  return port ?? 0;
}

const want = (port: number): WantedPort => ({
  host: '127.0.0.1',
  port,
  service: 'PostgreSQL',
  option: 'postgres.port',
});

async function occupy(): Promise<{ server: Server; port: number } & AsyncDisposable> {
  const port = await findFreePort();
  const server = createServer();
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  return {
    server,
    port,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => void server.close(() => done())),
  };
}

test('passes when every port is free, and does not keep them', async () => {
  const port = await findFreePort();
  await assertPortsFree([want(port)]);
  await assertPortsFree([want(port)]);
});

test('names every busy port, the option that moves it and, where /proc tells, who holds it', async () => {
  await using first = await occupy();
  await using second = await occupy();
  await expect(assertPortsFree([want(first.port), want(second.port)])).rejects.toMatchObject({
    code: 'DEVSTACK_PORT_BUSY',
    family: 'environment',
    message: expect.stringMatching(
      new RegExp(
        `port ${first.port} on 127\\.0\\.0\\.1 \\(PostgreSQL, postgres\\.port\\).*; port ${second.port} `,
      ),
    ),
    hint: expect.stringContaining('change postgres.port'),
  });
});

test.runIf(process.platform === 'linux')('finds the process that listens', async () => {
  await using taken = await occupy();
  expect(describePortHolder(taken.port)).toContain(`process ${process.pid} (`);
  expect(describePortHolder(await findFreePort())).toBeUndefined();
});

test('takes port 0 as any free port', async () => {
  await assertPortsFree([want(0), want(0)]);
});

test('tells an address that is not of this machine from a busy port', async () => {
  // 192.0.2.0/24 is reserved for documentation (RFC 5737).
  await expect(assertPortsFree([{ ...want(15432), host: '192.0.2.1' }])).rejects.toMatchObject({
    code: 'DEVSTACK_PORT_REFUSED',
  });
});

test('finds ports that are all different', async () => {
  expect(new Set(await findFreePorts('127.0.0.1', 9)).size).toBe(9);
});
