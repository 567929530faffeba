import { createLog } from '@sampan/base';
import { slsErrors } from '@sampan/sls-wire';
import { connectTcp, createFakeClock, waitUntil } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import {
  clientMessage,
  errorFieldsOf,
  exchange,
  logIn,
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

const good = { user: testKey.id, database: testProject };

const letters = (messages: readonly ServerMessage[]): string =>
  messages.map((message) => message.letter).join('');
const text = (message: ServerMessage | undefined): string => message?.payload.toString('utf8') ?? '';
/** State letter of the last ReadyForQuery. */
const state = (messages: readonly ServerMessage[]): string => text(messages.at(-1));

/** The values of a DataRow. */
function cells(message: ServerMessage | undefined): (string | null)[] {
  const payload = message?.payload ?? Buffer.alloc(2);
  const values: (string | null)[] = [];
  let at = 2;
  for (let left = payload.readInt16BE(0); left > 0; left -= 1) {
    const length = payload.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : payload.toString('utf8', at, at + length));
    at += Math.max(0, length);
  }
  return values;
}

describe('a session', () => {
  it('answers BEGIN, an INSERT and ROLLBACK, and keeps what was inserted', async () => {
    const clock = createFakeClock();
    await using pg = await startFakeBackendPg({ clock });
    await using client = await logIn(pg.port);
    const begin = await exchange(client, queryMessage('BEGIN'));
    expect([letters(begin), text(begin[0]), state(begin)]).toEqual(['CZ', 'BEGIN\0', 'T']);
    const sql = `INSERT INTO "workflow_execution" ("id","graph","error") VALUES ('a''b', '{"k": "\\n"}\n', NULL), ('c', '', '')`;
    const insert = await exchange(client, queryMessage(sql));
    expect([letters(insert), text(insert[0]), state(insert)]).toEqual(['CZ', 'INSERT 0 2\0', 'T']);
    const rollback = await exchange(client, queryMessage('ROLLBACK'));
    expect([text(rollback[0]), state(rollback)]).toEqual(['ROLLBACK\0', 'I']);
    expect(pg.written).toEqual([
      {
        project: 'dify',
        logstore: 'workflow_execution',
        group: {
          topic: '',
          source: '127.0.0.1',
          tags: [],
          logs: [
            {
              time: 1_700_000_000,
              timeNs: 0,
              contents: [
                ['id', "a'b"],
                ['graph', '{"k": "\\n"}\n'],
              ],
            },
            {
              time: 1_700_000_000,
              timeNs: 0,
              contents: [
                ['id', 'c'],
                ['graph', ''],
                ['error', ''],
              ],
            },
          ],
        },
      },
    ]);
  });

  it('does not acknowledge an INSERT before it is durable', async () => {
    let settle = (): void => {};
    const append = (): Promise<void> => new Promise((resolve) => (settle = resolve));
    await using pg = await startFakeBackendPg({ append });
    await using client = await logIn(pg.port);
    const before = client.received().length;
    client.send(queryMessage("INSERT INTO workflow_execution (id) VALUES ('1')"));
    await using other = await logIn(pg.port);
    await exchange(other, queryMessage('SELECT 1'));
    expect(client.received()).toHaveLength(before);
    settle();
    await client.waitFor((bytes) => readyCount(bytes) === 2, 'the acknowledgement');
  });

  it('sends rows with their types, NULL as NULL', async () => {
    await using pg = await startFakeBackendPg({
      answer: async () => ({
        columns: [
          { name: 'id', type: 'varchar' },
          { name: 'n', type: 'bigint' },
          { name: 'x', type: 'double' },
          { name: 'b', type: 'boolean' },
          { name: 't', type: 'timestamp' },
          { name: 'd', type: 'date' },
          { name: 'a', type: 'array' },
        ],
        rows: [['漢', '9007199254740993', '1.5', 'true', '2026-01-01 00:00:00.000', '2026-01-01', null]],
      }),
    });
    await using client = await logIn(pg.port);
    const answer = await exchange(client, queryMessage('SELECT * FROM workflow_execution'));
    expect(letters(answer)).toBe('TDCZ');
    const description = answer[0]?.payload ?? Buffer.alloc(0);
    const oids: number[] = [];
    let at = 2;
    for (let left = description.readInt16BE(0); left > 0; left -= 1) {
      at = description.indexOf(0, at) + 1;
      oids.push(description.readInt32BE(at + 6));
      at += 18;
    }
    expect(oids).toEqual([1043, 20, 701, 16, 1114, 1082, 1043]);
    expect(cells(answer[1])).toEqual([
      '漢',
      '9007199254740993',
      '1.5',
      't',
      '2026-01-01 00:00:00.000',
      '2026-01-01',
      null,
    ]);
    expect(text(answer[2])).toBe('SELECT 1\0');
    expect(pg.asked[0]).toMatchObject({ sql: 'SELECT * FROM workflow_execution' });
    expect(pg.asked[0]?.rowLimit).toBeUndefined();
  });

  it('hands the engine standard SQL', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    await exchange(
      client,
      queryMessage(String.raw`SELECT E'a\'b', $$c'd$$ FROM public.workflow_execution ;`),
    );
    expect(pg.asked[0]?.sql).toBe(`SELECT 'a''b', 'c''d' FROM "workflow_execution"`);
  });

  it('runs several statements of one query up to the first that fails', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    const sql = "INSERT INTO workflow_execution (id) VALUES ('1'); SELECT 1; SELECT * FROM nothing; SELECT 2";
    const answer = await exchange(client, queryMessage(sql));
    expect(letters(answer)).toBe('CTDCEZ');
    expect(errorFieldsOf(answer[4])).toMatchObject({
      S: 'ERROR',
      C: '42P01',
      M: 'relation "nothing" does not exist',
      P: String(sql.indexOf('nothing') + 1),
    });
    expect(pg.written).toHaveLength(1);
  });

  it('answers an empty query', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    expect(letters(await exchange(client, queryMessage(' ; ')))).toBe('IZ');
  });

  it('is not poisoned by an error inside BEGIN', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    await exchange(client, queryMessage('BEGIN'));
    expect(state(await exchange(client, queryMessage('SELECT * FROM nothing')))).toBe('T');
    expect(letters(await exchange(client, queryMessage('SELECT 1')))).toBe('TDCZ');
  });

  it('warns where PostgreSQL warns about transactions', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    const answer = await exchange(client, queryMessage('COMMIT'));
    expect(letters(answer)).toBe('NCZ');
    expect(errorFieldsOf(answer[0])).toMatchObject({ S: 'WARNING', C: '25P01' });
  });

  it('refuses the extended protocol up to Sync and then goes on', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    const pipeline = Buffer.concat([
      clientMessage('P', Buffer.from('\0SELECT 1\0\0\0')),
      clientMessage('B', Buffer.from('\0\0\0\0\0\0\0\0')),
      clientMessage('D', Buffer.from('P\0')),
      clientMessage('E', Buffer.from('\0\0\0\0\0')),
      clientMessage('S'),
    ]);
    const answer = await exchange(client, pipeline);
    expect(letters(answer)).toBe('EZ');
    expect(errorFieldsOf(answer[0])).toMatchObject({
      C: '0A000',
      H: expect.stringContaining('preferQueryMode=simple'),
    });
    expect(letters(await exchange(client, queryMessage('SELECT 1')))).toBe('TDCZ');
  });

  it('reports settings that SET changes, and forgets them on DISCARD ALL', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    const set = await exchange(client, queryMessage("SET application_name = 'x'"));
    expect([letters(set), text(set[0])]).toEqual(['SCZ', 'application_name\0x\0']);
    expect(letters(await exchange(client, queryMessage("SET TimeZone = 'UTC'; SET foo.bar = 1")))).toBe(
      'CCZ',
    );
    const shown = await exchange(client, queryMessage('SHOW application_name'));
    expect([letters(shown), cells(shown[1]), text(shown[2])]).toEqual(['TDCZ', ['x'], 'SHOW\0']);
    const discard = await exchange(client, queryMessage('DISCARD ALL'));
    expect([letters(discard), text(discard[1])]).toEqual(['SCZ', 'DISCARD ALL\0']);
    const off = await exchange(client, queryMessage('SET standard_conforming_strings = off'));
    expect(errorFieldsOf(off[0])).toMatchObject({ C: '0A000' });
  });

  it('refuses text that is not UTF-8', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    const answer = await exchange(client, clientMessage('Q', Buffer.from([0x53, 0xff, 0xfe, 0])));
    expect(errorFieldsOf(answer[0])).toMatchObject({ C: '22021' });
  });

  it("keeps the service's sentence and goes on", async () => {
    await using pg = await startFakeBackendPg({
      answer: () => Promise.reject(slsErrors.parameterInvalid("line 1:8: Column 'x' cannot be resolved")),
      append: () => Promise.reject(slsErrors.exceedQuota('too much')),
    });
    await using client = await logIn(pg.port);
    const select = await exchange(client, queryMessage('SELECT x FROM workflow_execution'));
    expect(errorFieldsOf(select[0])).toMatchObject({
      C: '42703',
      M: "line 1:8: Column 'x' cannot be resolved",
    });
    const insert = await exchange(client, queryMessage("INSERT INTO workflow_execution (id) VALUES ('1')"));
    expect(errorFieldsOf(insert[0])).toMatchObject({ C: '53400', M: 'too much' });
  });

  it('never logs statements or passwords', async () => {
    const lines: string[] = [];
    const log = createLog({
      name: 'test',
      level: 'trace',
      destination: { write: (line) => void lines.push(line) },
    });
    await using pg = await startFakeBackendPg({
      log,
      answer: () => Promise.reject(new Error('engine failed on hidden-value')),
    });
    await using client = await logIn(pg.port);
    await exchange(client, queryMessage("SELECT 'hidden-value' FROM workflow_execution"));
    await exchange(client, queryMessage("SELECT 'hidden-value"));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.join('')).not.toContain('hidden-value');
    expect(lines.join('')).not.toContain(testKey.secret);
  });

  it('ends with an error for a message it does not know, and for an oversized one', async () => {
    await using pg = await startFakeBackendPg({ frameBytesMax: 10_000 });
    for (const bytes of [clientMessage('!'), Buffer.from([0x51, 0x00, 0x10, 0x00, 0x00])]) {
      await using client = await logIn(pg.port);
      client.send(bytes);
      expect(errorFieldsOf(serverMessages(await client.closed()).at(-1))).toMatchObject({
        S: 'FATAL',
        C: '08P01',
      });
    }
  });

  it('takes a statement of 20 MB', async () => {
    await using pg = await startFakeBackendPg();
    await using client = await logIn(pg.port);
    const graph = 'x'.repeat(20 * 1024 * 1024);
    await exchange(client, queryMessage(`INSERT INTO workflow_execution (graph) VALUES ('${graph}')`));
    expect(pg.written[0]?.group.logs[0]?.contents[0]?.[1]).toHaveLength(graph.length);
  });

  it('waits for a client that reads slowly instead of buffering everything', async () => {
    const value = 'v'.repeat(1_000);
    const rows = Array.from({ length: 12_000 }, () => [value]);
    await using pg = await startFakeBackendPg({
      answer: async () => ({ columns: [{ name: 'v', type: 'varchar' }], rows }),
    });
    await using client = await logIn(pg.port);
    client.socket.pause();
    client.send(queryMessage('SELECT v FROM workflow_execution'));
    await waitUntil(() => pg.asked.length === 1, { what: 'the statement to reach the engine' });
    await using other = await logIn(pg.port);
    expect(letters(await exchange(other, queryMessage('SELECT 1')))).toBe('TDCZ');
    client.socket.resume();
    const all = await client.waitFor(
      (bytes) => bytes.length > 12_000_000 && readyCount(bytes) === 2,
      'every row',
      15_000,
    );
    expect(serverMessages(all).filter((message) => message.letter === 'D')).toHaveLength(12_000);
  });
});

describe('the end of a session', () => {
  it('releases everything when clients vanish at any point', async () => {
    await using pg = await startFakeBackendPg();
    const login = startupPacket(good);
    const insert = queryMessage("INSERT INTO workflow_execution (id) VALUES ('half')");
    for (const at of [0, 3, login.length - 1, login.length]) {
      await using client = await connectTcp(pg.port);
      client.send(login.subarray(0, at));
      client.socket.resetAndDestroy();
    }
    await using client = await logIn(pg.port);
    await exchange(client, queryMessage('BEGIN'));
    client.send(insert.subarray(0, insert.length - 5));
    client.socket.resetAndDestroy();
    await waitUntil(() => pg.frontEnd.connections === 0, { what: 'no connection to be left' });
    expect(pg.written).toEqual([]);
  });

  it('answers a cancel request by ending the SELECT, and only with the right key', async () => {
    await using pg = await startFakeBackendPg({ answer: () => new Promise(() => {}) });
    await using client = await logIn(pg.port);
    const key = serverMessages(client.received()).find((message) => message.letter === 'K')?.payload;
    const cancel = (secret: Buffer): Buffer =>
      Buffer.concat([
        Buffer.from([0, 0, 0, 16]),
        requestPacket(80_877_102).subarray(4),
        key?.subarray(0, 4) ?? Buffer.alloc(4),
        secret,
      ]);
    client.send(queryMessage('SELECT id FROM workflow_execution'));
    await waitUntil(() => pg.asked.length === 1, { what: 'the statement to run' });
    const secret = key?.subarray(4) ?? Buffer.alloc(4);
    for (const sent of [Buffer.from(secret.map((byte) => byte ^ 1)), secret]) {
      expect(readyCount(client.received())).toBe(1);
      await using other = await connectTcp(pg.port);
      other.send(cancel(sent));
      expect(await other.closed()).toHaveLength(0);
    }
    const answer = serverMessages(
      await client.waitFor((bytes) => readyCount(bytes) === 2, 'the answer'),
    ).slice(-2);
    expect(errorFieldsOf(answer[0])).toMatchObject({
      C: '57014',
      M: 'canceling statement due to user request',
    });
    expect(letters(await exchange(client, queryMessage('SELECT 1')))).toBe('TDCZ');
  });

  it('is announced when the front end stops, after running writes are stored', async () => {
    let settle = (): void => {};
    let isAsked = false;
    const append = (): Promise<void> =>
      new Promise((resolve) => {
        isAsked = true;
        settle = resolve;
      });
    const pg = await startFakeBackendPg({ append });
    await using idle = await logIn(pg.port);
    await using busy = await logIn(pg.port);
    busy.send(queryMessage("INSERT INTO workflow_execution (id) VALUES ('1')"));
    await waitUntil(() => isAsked, { what: 'the write to begin' });
    const stopped = pg.frontEnd.stop();
    expect(errorFieldsOf(serverMessages(await idle.closed()).at(-1))).toMatchObject({
      S: 'FATAL',
      C: '57P01',
    });
    expect(busy.socket.destroyed).toBe(false);
    settle();
    const messages = serverMessages(await busy.closed());
    expect(letters(messages).slice(-3)).toBe('CZE');
    await stopped;
    await expect(connectTcp(pg.port)).rejects.toThrow('ECONNREFUSED');
    await pg.frontEnd.stop();
  });

  it('serves 200 clients at once on two addresses', async () => {
    await using pg = await startFakeBackendPg();
    const { port } = await pg.frontEnd.listen({ host: '127.0.0.1', port: 0 });
    const clients = await Promise.all(
      Array.from({ length: 200 }, (_, at) => logIn(at % 2 === 0 ? pg.port : port)),
    );
    expect(pg.frontEnd.connections).toBe(200);
    await Promise.all(
      clients.map((client, at) =>
        exchange(client, queryMessage(`INSERT INTO workflow_execution (id) VALUES ('${at}')`)),
      ),
    );
    expect(new Set(pg.written.map(({ group }) => group.logs[0]?.contents[0]?.[1])).size).toBe(200);
    for (const client of clients) client.socket.destroy();
    await waitUntil(() => pg.frontEnd.connections === 0, { what: 'no connection to be left' });
  });

  it('names the port that cannot be bound', async () => {
    await using pg = await startFakeBackendPg();
    await expect(pg.frontEnd.listen({ host: '127.0.0.1', port: pg.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      port: pg.port,
    });
  });
});
