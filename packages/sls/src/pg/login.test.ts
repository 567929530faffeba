import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { createCertificate } from '@sampan/base';
import { connectTcp, createFakeClock, createRandom, everySplit, waitUntil } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import {
  clientMessage,
  errorFieldsOf,
  exchange,
  logIn,
  md5Answer,
  queryMessage,
  readyCount,
  requestPacket,
  type ServerMessage,
  serverMessages,
  startFakeBackendPg,
  startupPacket,
  testKey,
  testProject,
} from './testing.ts';

const sslRequest = requestPacket(80_877_103);
const gssRequest = requestPacket(80_877_104);
const good = { user: testKey.id, database: testProject };

const letters = (messages: readonly ServerMessage[]): string =>
  messages.map((message) => message.letter).join('');
const text = (message: ServerMessage | undefined): string => message?.payload.toString('utf8') ?? '';
/** State letter of the last ReadyForQuery. */
const state = (messages: readonly ServerMessage[]): string => text(messages.at(-1));

/** Sends bytes on a fresh connection and returns the fields of the error that ends it. */
async function rejection(port: number, bytes: Uint8Array): Promise<Record<string, string>> {
  await using client = await connectTcp(port);
  client.send(bytes);
  return errorFieldsOf(serverMessages(await client.closed()).at(-1));
}

describe('starting a session', () => {
  it('tells drivers what they insist on, then reports ready', async () => {
    await using pg = await startFakeBackendPg({ timeZone: 'Asia/Shanghai' });
    await using client = await logIn(pg.port, { application_name: 'Dify-1.13.3-fixautocommit' });
    const messages = serverMessages(client.received());
    const status = Object.fromEntries(
      messages
        .filter((message) => message.letter === 'S')
        .map((message) => text(message).split('\0').slice(0, 2)),
    );
    expect(status).toMatchObject({
      client_encoding: 'UTF8',
      DateStyle: 'ISO, MDY',
      standard_conforming_strings: 'on',
      integer_datetimes: 'on',
      server_version: '14.0',
      TimeZone: 'Asia/Shanghai',
      application_name: 'Dify-1.13.3-fixautocommit',
    });
    expect(letters(messages)).toMatch(/^RRS+KZ$/);
    expect(state(messages)).toBe('I');
  });

  it('works however the bytes are split', async () => {
    await using pg = await startFakeBackendPg({ authentication: 'any' });
    const bytes = Buffer.concat([
      gssRequest,
      startupPacket(good),
      queryMessage("INSERT INTO workflow_execution (id) VALUES ('漢''s')"),
    ]);
    const splits = [...everySplit(bytes)];
    await Promise.all(
      splits.map(async (parts) => {
        await using client = await connectTcp(pg.port);
        for (const part of parts) {
          client.send(part);
          await new Promise(setImmediate);
        }
        // The answer to the GSS request is a byte of its own.
        await client.waitFor(
          (received) => readyCount(received.subarray(1)) === 2,
          'the answer to the INSERT',
        );
      }),
    );
    expect(pg.written).toHaveLength(splits.length);
    for (const { group } of pg.written) expect(group.logs[0]?.contents).toEqual([['id', "漢's"]]);
  });

  it('goes on in TLS after an SSLRequest, with MD5', async () => {
    const tls = await createCertificate(['127.0.0.1']);
    await using pg = await startFakeBackendPg({ tls });
    await using client = await connectTcp(pg.port);
    client.send(sslRequest);
    await client.waitFor((bytes) => bytes.toString() === 'S', 'the answer to SSLRequest');
    client.socket.removeAllListeners('data');
    const secure = connectTls({ socket: client.socket, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    const chunks: Buffer[] = [];
    secure.on('data', (chunk: Buffer) => chunks.push(chunk));
    secure.write(startupPacket(good));
    const asked = await waitUntil(() => serverMessages(Buffer.concat(chunks))[0], {
      what: 'the password request',
    });
    secure.write(md5Answer(asked.payload.subarray(4)));
    await waitUntil(() => readyCount(Buffer.concat(chunks)) === 1, { what: 'the end of the login' });
  });

  it('accepts TLS from the first byte', async () => {
    const tls = await createCertificate(['127.0.0.1']);
    await using pg = await startFakeBackendPg({ tls, authentication: 'any' });
    const secure = connectTls({
      port: pg.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['postgresql'],
    });
    await once(secure, 'secureConnect');
    expect(secure.alpnProtocol).toBe('postgresql');
    secure.write(startupPacket(good));
    const [first] = (await once(secure, 'data')) as [Buffer];
    expect(first.toString('latin1', 0, 1)).toBe('R');
    secure.destroy();
  });

  it('refuses TLS with N when there is no certificate, and GSS always', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await connectTcp(pg.port);
    client.send(gssRequest);
    await client.waitFor((bytes) => bytes.toString() === 'N', 'N');
    client.send(sslRequest);
    await client.waitFor((bytes) => bytes.toString() === 'NN', 'N again');
  });

  it('does not take bytes that were smuggled in before TLS', async () => {
    const tls = await createCertificate(['127.0.0.1']);
    await using pg = await startFakeBackendPg({ tls, authentication: 'any' });
    await using client = await connectTcp(pg.port);
    client.send(Buffer.concat([sslRequest, startupPacket(good)]));
    const received = await client.closed();
    expect(received.includes('received unencrypted data after SSL request')).toBe(true);
    expect(readyCount(received)).toBe(0);
  });

  it('answers a newer protocol with the version it speaks', async () => {
    await using pg = await startFakeBackendPg({ authentication: 'any' });
    await using client = await connectTcp(pg.port);
    client.send(startupPacket({ ...good, '_pq_.new': '1' }, 0x0003_0002));
    const messages = serverMessages(await client.waitFor((bytes) => readyCount(bytes) === 1, 'ready'));
    expect(letters(messages)).toMatch(/^vRS+KZ$/);
    expect(text(messages[0])).toContain('_pq_.new');
  });
});

describe('logging in', () => {
  it.each([
    ['a wrong secret', 'wrong', testKey.id],
    ['an unknown AccessKey id', testKey.secret, 'LTAIother'],
  ])('fails with 28P01 for %s', async (_, secret, user) => {
    await using pg = await startFakeBackendPg();
    await using client = await connectTcp(pg.port);
    client.send(startupPacket({ user, database: testProject }));
    const asked = await client.waitFor((bytes) => serverMessages(bytes).length > 0, 'the password request');
    client.send(md5Answer(serverMessages(asked)[0]?.payload.subarray(4) ?? Buffer.alloc(4), secret, user));
    const error = serverMessages(await client.closed()).at(-1);
    expect(errorFieldsOf(error)).toMatchObject({
      S: 'FATAL',
      C: '28P01',
      M: `password authentication failed for user "${user}"`,
    });
  });

  it('fails with 3D000 for an unknown project, but only after the password', async () => {
    await using pg = await startFakeBackendPg({ authentication: 'any' });
    expect(await rejection(pg.port, startupPacket({ user: 'x', database: 'other' }))).toMatchObject({
      S: 'FATAL',
      C: '3D000',
      M: 'database "other" does not exist',
    });
    await using guarded = await startFakeBackendPg();
    await using client = await connectTcp(guarded.port);
    client.send(startupPacket({ user: 'x', database: 'other' }));
    expect(letters(serverMessages(await client.waitFor((bytes) => bytes.length > 0, 'an answer')))).toBe('R');
  });

  it.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), '08P01'],
    ['a length beyond the limit', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0]), '08P01'],
    ['a length below the minimum', Buffer.from([0, 0, 0, 3, 0, 3, 0, 0]), '08P01'],
    ['protocol 2', startupPacket(good, 0x0002_0000), '0A000'],
    ['no terminator', Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0x61]), '08P01'],
    ['no user', startupPacket({ database: testProject }), '28000'],
    ['a replication connection', startupPacket({ ...good, replication: 'true' }), '0A000'],
    ['another encoding', startupPacket({ ...good, client_encoding: 'LATIN1' }), '22023'],
    ['two SSL requests', Buffer.concat([sslRequest, sslRequest]), '08P01'],
    [
      'a query instead of a password',
      Buffer.concat([startupPacket(good), queryMessage('SELECT 1')]),
      '08P01',
    ],
    [
      'a password message of 1 MB',
      Buffer.concat([startupPacket(good), clientMessage('p', Buffer.alloc(1_000_000))]),
      '08P01',
    ],
  ])('ends with an error for %s', async (_, bytes, sqlstate) => {
    await using pg = await startFakeBackendPg();
    await using client = await connectTcp(pg.port);
    client.send(bytes);
    const received = await client.closed();
    expect(received.includes(`C${sqlstate}\0`)).toBe(true);
    expect(received.includes('SFATAL\0')).toBe(true);
    await waitUntil(() => pg.frontEnd.connections === 0, { what: 'the connection to be forgotten' });
    await using next = await logIn(pg.port);
    expect(next.received().length).toBeGreaterThan(0);
  });

  it('lets go of a client whose TLS handshake is garbage, or never ends', async () => {
    const clock = createFakeClock();
    const tls = await createCertificate(['127.0.0.1']);
    await using pg = await startFakeBackendPg({ clock, tls, loginTimeoutMs: 5_000 });
    await using garbage = await connectTcp(pg.port);
    await using silent = await connectTcp(pg.port);
    for (const client of [garbage, silent]) {
      client.send(sslRequest);
      await client.waitFor((bytes) => bytes.toString() === 'S', 'the answer to SSLRequest');
    }
    garbage.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await garbage.closed();
    await waitUntil(() => pg.frontEnd.connections === 1, { what: 'the garbage to be dropped' });
    clock.advance(5_001);
    await silent.closed();
    await waitUntil(() => pg.frontEnd.connections === 0, { what: 'the silent client to be dropped' });
  });

  it('survives random bytes', async () => {
    await using pg = await startFakeBackendPg();
    const random = createRandom(11);
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        await using client = await connectTcp(pg.port);
        client.send(random.bytes(1 + random.integer(200)));
        client.socket.end();
        await client.closed();
      }),
    );
    await using client = await logIn(pg.port);
    expect(letters(await exchange(client, queryMessage('SELECT 1')))).toBe('TDCZ');
  });

  it('must end in time', async () => {
    const clock = createFakeClock();
    await using pg = await startFakeBackendPg({ clock, loginTimeoutMs: 5_000 });
    await using silent = await connectTcp(pg.port);
    await using halfway = await connectTcp(pg.port);
    halfway.send(startupPacket(good));
    await halfway.waitFor((bytes) => bytes.length > 0, 'the password request');
    await using done = await logIn(pg.port);
    clock.advance(5_001);
    await Promise.all([silent.closed(), halfway.closed()]);
    expect(letters(await exchange(done, queryMessage('SELECT 1')))).toBe('TDCZ');
  });

  it('tells clients beyond the limit to come back', async () => {
    await using pg = await startFakeBackendPg({ connectionsMax: 2, authentication: 'any' });
    await using first = await connectTcp(pg.port);
    await using second = await connectTcp(pg.port);
    await waitUntil(() => pg.frontEnd.connections === 2, { what: 'two connections' });
    expect(await rejection(pg.port, startupPacket(good))).toMatchObject({ C: '53300' });
    first.socket.destroy();
    await waitUntil(() => pg.frontEnd.connections === 1, { what: 'one connection' });
    await using third = await connectTcp(pg.port);
    third.send(startupPacket(good));
    await third.waitFor((bytes) => readyCount(bytes) === 1, 'ready');
    expect(second.socket.destroyed).toBe(false);
  });
});
