import { createServer, type Server, type Socket } from 'node:net';
import { connectTcp, createRandom, everySplit, waitUntil } from '@sampan/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadKernel } from './io-uring/kernel.ts';
import { Ring } from './io-uring/ring.ts';
import { startRing } from './io-uring/ring-engine.ts';
import { netTransports } from './net-transport.ts';
import type { OpenTransport, TransportListener, Transports } from './transport.ts';

/** Records what a transport reports; returns false for memory it keeps when `keeps` says so. */
class Recorder {
  readonly chunks: Buffer[] = [];
  drains = 0;
  closes = 0;
  transport: OpenTransport | undefined;
  act: (buffer: Buffer, start: number, end: number) => boolean = () => true;
  #isInCall = false;
  nested = 0;

  data(buffer: Buffer, start: number, end: number): boolean {
    if (this.#isInCall) this.nested++;
    this.#isInCall = true;
    this.chunks.push(Buffer.from(buffer.subarray(start, end)));
    const isFree = this.act(buffer, start, end);
    this.#isInCall = false;
    return isFree;
  }

  drained(): void {
    this.drains++;
  }

  closed(): void {
    this.closes++;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Whether this kernel lets processes like this one have a ring. */
async function refusal(): Promise<string | undefined> {
  try {
    new Ring(await loadKernel()).close();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const refused = await refusal();
const kinds: { name: string; start: () => Promise<Transports>; isRefused: boolean }[] = [
  { name: 'net', start: () => Promise.resolve(netTransports), isRefused: false },
  {
    name: refused === undefined ? 'io_uring' : `io_uring (${refused})`,
    start: startRing,
    isRefused: refused !== undefined,
  },
];

for (const kind of kinds) {
  describe.skipIf(kind.isRefused)(`a connection by ${kind.name}`, () => {
    let transports: Transports;
    let listener: TransportListener;
    let accepted: Recorder[] = [];
    let prepare: (recorder: Recorder) => void = () => {};

    beforeAll(async () => {
      transports = await kind.start();
      listener = await transports.listen({
        host: '127.0.0.1',
        port: 0,
        failed: () => {},
        accepted: (accept) => {
          const recorder = new Recorder();
          prepare(recorder);
          recorder.transport = accept(recorder);
          accepted.push(recorder);
        },
      });
    });

    afterAll(() => {
      listener.stop();
      transports.stop();
    });

    /** A raw client and the transport that was accepted for it. */
    async function pair(before: (recorder: Recorder) => void = () => {}) {
      accepted = [];
      prepare = before;
      const client = await connectTcp(listener.port);
      const recorder = await waitUntil(() => accepted[0], { what: 'the connection to be accepted' });
      const transport = recorder.transport;
      if (transport === undefined) throw new Error('no transport');
      return { client, recorder, transport };
    }

    const closed = (recorder: Recorder): Promise<true> =>
      waitUntil(() => (recorder.closes > 0 ? true : undefined), { what: 'the transport to close' });

    it('knows both of its ends', async () => {
      const { client, transport } = await pair();
      await using _client = client;
      expect(transport.remotePort).toBe(client.socket.localPort);
      expect(transport.localPort).toBe(listener.port);
      expect([transport.remoteAddress, transport.localAddress]).toEqual(['127.0.0.1', '127.0.0.1']);
      transport.destroy();
    });

    it('receives bytes in order, however they are split', async () => {
      const message = Buffer.from('every split of this');
      for (const parts of everySplit(message)) {
        const { client, recorder, transport } = await pair();
        for (const part of parts) {
          client.send(part);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await waitUntil(() => (recorder.bytes.length === message.length ? true : undefined), {
          what: 'all bytes',
        });
        expect(recorder.bytes).toEqual(message);
        transport.destroy();
        await client.closed();
        await closed(recorder);
      }
    });

    it('sends what was written in order, small and large mixed, and may have its memory reused', async () => {
      const { client, recorder, transport } = await pair();
      const random = createRandom(7);
      const sent: Buffer[] = [];
      for (let n = 0; n < 300; n++) {
        const length = n % 50 === 49 ? 200_000 : 1 + random.integer(3000);
        const bytes = Buffer.alloc(length, n % 251);
        sent.push(Buffer.from(bytes));
        if (transport.write(bytes, 0, length)) bytes.fill(255);
        if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const all = Buffer.concat(sent);
      await client.waitFor((received) => received.length === all.length, 'everything that was sent', 20_000);
      expect(client.received().equals(all)).toBe(true);
      transport.end();
      await client.closed();
      await closed(recorder);
    });

    it('answers from within the call that brought the request', async () => {
      const { client, recorder, transport } = await pair();
      recorder.act = (buffer, start, end) => transport.write(buffer, start, end);
      for (let n = 0; n < 200; n++) client.send(`request ${n};`);
      const want = Array.from({ length: 200 }, (_, n) => `request ${n};`).join('');
      await client.waitFor((received) => received.length === want.length, 'all answers');
      expect(client.received().toString()).toBe(want);
      expect(recorder.nested).toBe(0);
      transport.destroy();
      await closed(recorder);
    });

    it('is full while its peer does not read, and says when everything has left', async () => {
      const { client, recorder, transport } = await pair();
      client.socket.pause();
      const piece = Buffer.alloc(64 * 1024, 1);
      let written = 0;
      while (!transport.isFull) {
        transport.write(piece, 0, piece.length);
        written += piece.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(recorder.drains).toBe(0);
      client.socket.resume();
      await client.waitFor((received) => received.length === written, 'everything', 20_000);
      await waitUntil(() => (recorder.drains === 1 ? true : undefined), { what: 'the transport to drain' });
      transport.destroy();
      await closed(recorder);
    });

    it('reports nothing while paused, and everything in order afterwards', async () => {
      const { client, recorder, transport } = await pair();
      client.send('before');
      await waitUntil(() => (recorder.bytes.length === 6 ? true : undefined), { what: 'the first bytes' });
      transport.pause();
      transport.pause();
      await new Promise((resolve) => setImmediate(resolve));
      for (let n = 0; n < 50; n++) client.send(`,${n}`);
      const other = await connectTcp(listener.port);
      await other[Symbol.asyncDispose]();
      expect(recorder.bytes.toString()).toBe('before');
      transport.resume();
      const want = `before${Array.from({ length: 50 }, (_, n) => `,${n}`).join('')}`;
      await waitUntil(() => (recorder.bytes.length === want.length ? true : undefined), { what: 'the rest' });
      expect(recorder.bytes.toString()).toBe(want);
      transport.destroy();
      await closed(recorder);
    });

    it('may be paused and resumed from within its own calls', async () => {
      const { client, recorder, transport } = await pair();
      recorder.act = () => {
        transport.pause();
        setImmediate(() => transport.resume());
        return true;
      };
      const message = Buffer.alloc(300_000, 'pause');
      client.send(message);
      await waitUntil(() => (recorder.bytes.length === message.length ? true : undefined), {
        what: 'all bytes',
      });
      expect(recorder.bytes.equals(message)).toBe(true);
      transport.destroy();
      await closed(recorder);
    });

    it('keeps memory that was handed on until it is let go', async () => {
      const { client, recorder, transport } = await pair();
      const kept: Buffer[] = [];
      recorder.act = (buffer, start, end) => {
        kept.push(buffer.subarray(start, end));
        return false;
      };
      const message = Buffer.from(Array.from({ length: 500_000 }, (_, n) => n % 253));
      client.send(message);
      await waitUntil(() => (recorder.bytes.length === message.length ? true : undefined), {
        what: 'all bytes',
      });
      expect(Buffer.concat(kept).equals(message)).toBe(true);
      transport.destroy();
      await closed(recorder);
    });

    it('sends the rest before it ends, and closes once the peer has', async () => {
      const { client, recorder, transport } = await pair();
      const message = Buffer.alloc(1_000_000, 'end');
      transport.write(message, 0, message.length);
      transport.end();
      expect((await client.closed()).length).toBe(message.length);
      await closed(recorder);
      expect(recorder.closes).toBe(1);
    });

    it('closes when its peer ends, after the answers have left', async () => {
      const { client, recorder, transport } = await pair();
      recorder.act = () => transport.write(Buffer.from('answer'), 0, 6);
      client.send('question');
      client.socket.end();
      expect((await client.closed()).toString()).toBe('answer');
      await closed(recorder);
      expect(recorder.closes).toBe(1);
    });

    it('closes when its peer resets the connection, also while it sends', async () => {
      for (const isSending of [false, true]) {
        const { client, recorder, transport } = await pair();
        client.socket.pause();
        const piece = Buffer.alloc(4_000_000);
        if (isSending) transport.write(piece, 0, piece.length);
        client.socket.resetAndDestroy();
        await closed(recorder);
        expect(transport.write(piece, 0, 10)).toBe(true);
        expect(recorder.closes).toBe(1);
      }
    });

    it('closes once when it is destroyed in any state, whatever else is asked of it', async () => {
      const states: ((transport: OpenTransport) => void)[] = [
        () => {},
        (transport) => transport.pause(),
        (transport) => transport.end(),
        (transport) => void transport.write(Buffer.alloc(5_000_000), 0, 5_000_000),
      ];
      for (const enter of states) {
        const { client, recorder, transport } = await pair();
        client.socket.pause();
        enter(transport);
        await new Promise((resolve) => setImmediate(resolve));
        transport.destroy();
        transport.destroy();
        transport.end();
        transport.pause();
        transport.resume();
        transport.write(Buffer.from('x'), 0, 1);
        await closed(recorder);
        client.socket.resume();
        await client.closed();
        expect(recorder.closes).toBe(1);
      }
    });

    it('serves a thousand connections at once', async () => {
      accepted = [];
      prepare = (recorder) => {
        recorder.act = (buffer, start, end) => recorder.transport?.write(buffer, start, end) ?? true;
      };
      const clients = await Promise.all(Array.from({ length: 1000 }, () => connectTcp(listener.port)));
      for (const [n, client] of clients.entries()) client.send(`client ${n}`);
      for (const [n, client] of clients.entries()) {
        const want = `client ${n}`;
        await client.waitFor((received) => received.length === want.length, 'the echo', 20_000);
        expect(client.received().toString()).toBe(want);
      }
      for (const client of clients) client.socket.destroy();
      await waitUntil(() => (accepted.every(({ closes }) => closes === 1) ? true : undefined), {
        what: 'all to close',
        timeoutMs: 20_000,
      });
    }, 60_000);

    describe('that it opens', () => {
      async function serve(act: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
        const server = createServer(act);
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const address = server.address();
        return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
      }

      it('carries bytes both ways, by name as well as by number', async () => {
        const { server, port } = await serve((socket) => socket.pipe(socket));
        for (const host of ['127.0.0.1', 'localhost']) {
          const recorder = new Recorder();
          const connect = transports.connect({
            host,
            port,
            sink: recorder,
            connected: (transport) => void transport.write(Buffer.from('hello'), 0, 5),
            failed: (error) => expect.fail(error.message),
          });
          await waitUntil(() => (recorder.bytes.toString() === 'hello' ? true : undefined), {
            what: 'the echo',
          });
          expect(connect.remotePort).toBe(port);
          connect.end();
          await closed(recorder);
        }
        server.close();
      });

      it('reports a refused connection once, and then that it is closed', async () => {
        const { server, port } = await serve(() => {});
        await new Promise((resolve) => server.close(resolve));
        const recorder = new Recorder();
        const errors: Error[] = [];
        transports.connect({
          host: '127.0.0.1',
          port,
          sink: recorder,
          connected: () => expect.fail('connected'),
          failed: (error) => errors.push(error),
        });
        await closed(recorder);
        expect(errors.map((error) => error.message)).toEqual([`connect ECONNREFUSED 127.0.0.1:${port}`]);
        expect(recorder.closes).toBe(1);
        expect(recorder.chunks).toEqual([]);
      });

      it('may be given up before it stands', async () => {
        const { server, port } = await serve(() => {});
        const recorder = new Recorder();
        transports
          .connect({
            host: '127.0.0.1',
            port,
            sink: recorder,
            connected: () => expect.fail('connected'),
            failed: () => expect.fail('failed'),
          })
          .destroy();
        await closed(recorder);
        expect(recorder.closes).toBe(1);
        server.close();
      });
    });

    it('refuses a port that is taken, as Node does', async () => {
      const again = transports.listen({
        host: '127.0.0.1',
        port: listener.port,
        failed: () => {},
        accepted: () => {},
      });
      await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
    });
  });
}
