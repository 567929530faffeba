import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findFreePorts } from './free-ports.ts';

test('finds ports that are all different and can be listened on', async () => {
  const host = '127.0.0.1';
  const ports = await findFreePorts(host, 8);
  expect(new Set(ports).size).toBe(8);
  for (const port of ports) {
    const server = createServer();
    await new Promise<void>((done, fail) => server.once('error', fail).listen({ host, port }, done));
    await new Promise((done) => server.close(done));
  }
});
