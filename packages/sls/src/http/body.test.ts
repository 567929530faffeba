import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitUntil } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { createBodyReader } from './body.ts';

it('refuses bodies with ServerBusy while too many are held, and takes them again afterwards', async () => {
  const reader = createBodyReader({ heldBytesMax: 1000 });
  const arrived: Promise<Buffer>[] = [];
  const server = createServer((incoming, response) => {
    const body = reader.read(incoming);
    body.catch(() => {});
    arrived.push(body);
    response.end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;

  /** The server's reading of one body of this size. */
  async function post(bytes: number): Promise<{ body: Promise<Buffer> }> {
    const before = arrived.length;
    const outgoing = request({ port, method: 'POST', headers: { 'content-length': bytes } });
    outgoing.on('error', () => {});
    outgoing.end(Buffer.alloc(bytes));
    await waitUntil(() => arrived.length > before, { what: 'the request' });
    return { body: arrived[before] ?? Promise.reject(new Error('no request')) };
  }

  const first = await post(800);
  expect(await first.body).toHaveLength(800);
  const second = await post(300);
  await expect(second.body).rejects.toMatchObject({ status: 503, errorCode: 'ServerBusy' });
  reader.release(await first.body);
  const third = await post(900);
  expect(await third.body).toHaveLength(900);
  server.closeAllConnections();
  server.close();
});
