import { inflateSync } from 'node:zlib';
import { decodeLogGroup, decompress, encodeLogGroup, type LogGroup } from '@sampan/sls-wire';
import { createFakeClock } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { errorOf, type ReceivedReply, send, startFrontEnd, type TestFrontEnd } from './testing.ts';

/** Takes a LogGroupList apart: field 1, length-delimited, again and again. */
function groupsOf(bytes: Uint8Array): LogGroup[] {
  const groups: LogGroup[] = [];
  for (let at = 0; at < bytes.length; ) {
    expect(bytes[at++]).toBe(0x0a);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    groups.push(decodeLogGroup(bytes.subarray(at, at + length)));
    at += length;
  }
  return groups;
}

function group(name: string): LogGroup {
  return {
    topic: 't',
    source: 's',
    tags: [['host', 'h']],
    logs: [{ time: 1_700_000_000, contents: [['name', name]] }],
  };
}

const shard = '/logstores/web/shards/0';

async function startShop(shardCount = 1, clock = createFakeClock(1_700_000_000_000)): Promise<TestFrontEnd> {
  const server = await startFrontEnd({ clock });
  await server.catalog.ensureProject({ projectName: 'shop' });
  await server.catalog.ensureLogstore('shop', 'web', { shardCount });
  return server;
}

async function put(server: TestFrontEnd, ...names: string[]): Promise<void> {
  for (const name of names) {
    const body = encodeLogGroup(group(name));
    const reply = await send(server.port, { method: 'POST', path: '/logstores/web/shards/lb', body });
    expect(reply.status, reply.text).toBe(200);
  }
}

async function cursor(server: TestFrontEnd, from: string, path = shard): Promise<string> {
  const reply = await send(server.port, { path: `${path}?type=cursor&from=${from}` });
  expect(reply.status, reply.text).toBe(200);
  return (JSON.parse(reply.text) as { cursor: string }).cursor;
}

function pull(
  server: TestFrontEnd,
  from: string,
  more: { readonly query?: string; readonly coding?: string; readonly type?: string } = {},
): Promise<ReceivedReply> {
  const query = `type=${more.type ?? 'logs'}&cursor=${encodeURIComponent(from)}${more.query ?? ''}`;
  return send(server.port, {
    path: `${shard}?${query}`,
    headers: { accept: 'application/x-protobuf', 'accept-encoding': more.coding ?? '' },
  });
}

const names = (bytes: Uint8Array): unknown[] => groupsOf(bytes).map((one) => one.logs[0]?.contents[0]?.[1]);

describe('PullLogs', () => {
  it('hands out the log groups as they were sent, in order, up to the count asked for', async () => {
    await using server = await startShop();
    await put(server, 'a', 'b', 'c');
    const first = await pull(server, await cursor(server, 'begin'), { query: '&count=2' });
    expect(first.status).toBe(200);
    expect(groupsOf(first.bytes)).toEqual([group('a'), group('b')]);
    expect(first.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'x-log-count': '2',
      'x-log-bodyrawsize': String(first.bytes.length),
      'x-log-end-of-cursor': '0',
      'x-log-cursor-time': '1700000000',
    });
    const rest = await pull(server, first.headers['x-log-cursor'] ?? '', { type: 'log' });
    expect(names(rest.bytes)).toEqual(['c']);
    expect(rest.headers['x-log-end-of-cursor']).toBe('1');
    expect(rest.headers['x-log-cursor']).toBe(await cursor(server, 'end'));
  });

  it('answers the end with no groups, no coding and the same cursor', async () => {
    await using server = await startShop();
    await put(server, 'a');
    const end = await cursor(server, 'end');
    const reply = await pull(server, end, { coding: 'lz4' });
    expect(reply.headers).toMatchObject({
      'x-log-cursor': end,
      'x-log-count': '0',
      'x-log-bodyrawsize': '0',
      'x-log-end-of-cursor': '1',
      'x-log-cursor-time': '0',
    });
    expect(reply.headers['x-log-compresstype']).toBeUndefined();
    expect(reply.bytes).toHaveLength(0);
  });

  it('compresses when exactly one coding is accepted, and says so in its own headers', async () => {
    await using server = await startShop();
    await put(server, 'a'.repeat(2000));
    const from = await cursor(server, 'begin');
    const plain = await pull(server, from, { coding: 'gzip, deflate' });
    expect(plain.headers['x-log-compresstype']).toBeUndefined();
    expect(plain.headers['content-encoding']).toBeUndefined();

    const deflated = await pull(server, from, { coding: 'deflate' });
    expect(inflateSync(deflated.bytes)).toEqual(plain.bytes);
    const lz4 = await pull(server, from, { coding: 'lz4' });
    expect(lz4.headers).toMatchObject({
      'x-log-compresstype': 'lz4',
      'x-log-bodyrawsize': String(plain.bytes.length),
    });
    expect(decompress('lz4', lz4.bytes, plain.bytes.length)).toEqual(plain.bytes);
  });

  it('stops before end_cursor', async () => {
    await using server = await startShop();
    await put(server, 'a', 'b');
    const middle = await cursor(server, 'end');
    await put(server, 'c');
    const end = encodeURIComponent(middle);
    const reply = await pull(server, await cursor(server, 'begin'), { query: `&end_cursor=${end}` });
    expect(names(reply.bytes)).toEqual(['a', 'b']);
    expect(reply.headers).toMatchObject({ 'x-log-cursor': middle, 'x-log-end-of-cursor': '1' });
  });

  it.each([
    ['', [400, 'ParameterInvalid', 'Parameter Cursor is not valid']],
    ['no cursor', [400, 'ParameterInvalid', 'Parameter Cursor is not valid']],
    ['YWJj', [400, 'InvalidCursor', 'this cursor is invalid']],
    ['OTk5OTk5OTk5OTk5OTk5OTk5OQ==', [400, 'InvalidCursor', 'this cursor is invalid']],
  ])('refuses the cursor %j', async (text, error) => {
    await using server = await startShop();
    expect(errorOf(await pull(server, text))).toEqual(error);
  });

  it('reads a cursor of the service, older than everything here, from the beginning', async () => {
    await using server = await startShop();
    await put(server, 'a');
    // From the service in 2017; Python puts a line end behind its base64.
    const old = 'MTUxMDMwODcyMDA5NjE0Mzg1MQ==';
    expect(names((await pull(server, `${old}\n`)).bytes)).toEqual(['a']);
    const none = await pull(server, old, { query: `&end_cursor=${encodeURIComponent(old)}` });
    expect(none.headers).toMatchObject({
      'x-log-count': '0',
      'x-log-cursor': old,
      'x-log-end-of-cursor': '1',
    });
  });

  it('refuses what it cannot do by name', async () => {
    await using server = await startShop();
    const from = await cursor(server, 'begin');
    expect(
      errorOf(await pull(server, from, { query: `&query=${encodeURIComponent('* | where a=1')}` })),
    ).toEqual([400, 'NotEmulated', 'PullLogs with a query (SPL) is not emulated']);
    expect(errorOf(await pull(server, from, { query: '&count=-1' }))[1]).toBe('ParameterInvalid');
    expect(
      errorOf(await send(server.port, { path: '/logstores/web/shards/7?type=cursor&from=end' })),
    ).toEqual([404, 'ShardNotExist', 'shard 7 does not exist']);
  });
});

describe('cursors', () => {
  it('are consecutive numbers in base64, so that clients can compute the one before', async () => {
    await using server = await startShop();
    const number = (text: string): bigint => BigInt(Buffer.from(text, 'base64').toString());
    const begin = number(await cursor(server, 'begin'));
    await put(server, 'a', 'b');
    expect(String(begin)).toHaveLength(19);
    expect(number(await cursor(server, 'begin'))).toBe(begin);
    expect(number(await cursor(server, 'end'))).toBe(begin + 2n);
  });

  it('are found by the time at which the server took a log group', async () => {
    const clock = createFakeClock(1_700_000_000_000);
    await using server = await startShop(1, clock);
    for (const name of ['a', 'b', 'c']) {
      await put(server, name);
      clock.advance(10_000);
    }
    const at = async (time: number): Promise<unknown[]> =>
      names((await pull(server, await cursor(server, String(time)))).bytes);
    expect(await at(1_600_000_000)).toEqual(['a', 'b', 'c']);
    expect(await at(1_700_000_000)).toEqual(['a', 'b', 'c']);
    expect(await at(1_700_000_001)).toEqual(['b', 'c']);
    expect(await at(1_700_000_020)).toEqual(['c']);
    expect(await at(1_700_000_021)).toEqual([]);
    expect(await cursor(server, '1800000000')).toBe(await cursor(server, 'end'));
  });

  it('tell their time, also the cursor before the first', async () => {
    const clock = createFakeClock(1_700_000_000_000);
    await using server = await startShop(1, clock);
    await put(server, 'a');
    clock.advance(60_000);
    await put(server, 'b');
    clock.advance(60_000);
    const begin = BigInt(Buffer.from(await cursor(server, 'begin'), 'base64').toString());
    const time = async (number: bigint): Promise<unknown> => {
      const text = encodeURIComponent(Buffer.from(String(number)).toString('base64'));
      return JSON.parse((await send(server.port, { path: `${shard}?type=cursor_time&cursor=${text}` })).text);
    };
    expect(await time(begin - 1n)).toEqual({ cursor_time: 1_700_000_000 });
    expect(await time(begin)).toEqual({ cursor_time: 1_700_000_000 });
    expect(await time(begin + 1n)).toEqual({ cursor_time: 1_700_000_060 });
    expect(await time(begin + 2n)).toEqual({ cursor_time: 1_700_000_120 });
    expect(await time(begin + 3n)).toMatchObject({ errorCode: 'InvalidCursor' });
  });

  it('refuse a time that is none', async () => {
    await using server = await startShop();
    expect(errorOf(await send(server.port, { path: `${shard}?type=cursor&from=soon` }))[1]).toBe(
      'ParameterInvalid',
    );
    expect(errorOf(await send(server.port, { path: `${shard}?type=cursor` }))[1]).toBe('ParameterInvalid');
  });
});
