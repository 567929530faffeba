import { createTemporaryFolder } from '@sampan/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SlsProcess, startSlsProcess } from './src/apps.ts';
import { encodeLogGroup, encodeLz4Literals } from './src/log-group-bytes.ts';
import { startupPacket, waitForClosing } from './src/pg-bytes.ts';
import {
  createLogstore,
  getLogs,
  putLogs,
  type SlsRequest,
  type SlsResponse,
  type SlsTarget,
  sendToSls,
} from './src/sls-request.ts';

const logstore = 'events';
let folder: Awaited<ReturnType<typeof createTemporaryFolder>>;
let sls: SlsProcess;
let target: SlsTarget;
const now = Math.floor(Date.now() / 1000);
const goodBody = encodeLogGroup({
  logs: [
    {
      time: now,
      contents: [
        ['id', 'good'],
        ['note', '好'],
      ],
    },
  ],
});
let goodWrites = 0;

beforeAll(async () => {
  folder = await createTemporaryFolder();
  sls = await startSlsProcess(folder.path);
  target = sls.target('bad-input');
  await createLogstore(target, logstore, ['id', 'note']);
});

afterAll(async () => {
  await sls?.stop();
  await folder?.[Symbol.asyncDispose]();
});

interface Refusal {
  readonly status: number;
  readonly errorCode: string;
  readonly errorMessage: string | RegExp;
}

/** The vendor's shape of an error, and that the service then goes on as if nothing had been. */
async function expectRefused(answer: SlsResponse, refusal: Refusal): Promise<void> {
  expect({ status: answer.status, ...(answer.json() as object) }).toMatchObject({
    status: refusal.status,
    errorCode: refusal.errorCode,
    errorMessage:
      typeof refusal.errorMessage === 'string'
        ? refusal.errorMessage
        : expect.stringMatching(refusal.errorMessage),
  });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.headers['x-log-requestid']).toMatch(/^[0-9A-F]{24}$/);
  const next = await putLogs(target, logstore, goodBody);
  expect(next.status, next.body.toString()).toBe(200);
  goodWrites++;
}

describe('authentication', () => {
  const get: SlsRequest = { method: 'GET', path: '/' };
  const strange = { ...get, authorization: () => 'nonsense' };

  it('refuses a wrong secret with SignatureNotMatch, in both versions', async () => {
    const wrong = { ...target, key: { ...target.key, secret: 'wrong' } };
    for (const signature of ['v1', 'v4'] as const) {
      const answer = await sendToSls(wrong, { ...get, signature });
      await expectRefused(answer, {
        status: 401,
        errorCode: 'SignatureNotMatch',
        errorMessage: /^signature \S+ not match$/,
      });
    }
  });

  it('refuses a signature that is right for another body, path or query', async () => {
    const other = await sendToSls(target, {
      method: 'POST',
      path: `/logstores/${logstore}/shards/lb`,
      headers: { 'content-type': 'application/x-protobuf' },
      body: goodBody,
      authorization: (computed) => computed.slice(0, -1) + (computed.endsWith('0') ? '1' : '0'),
    });
    await expectRefused(other, { status: 401, errorCode: 'SignatureNotMatch', errorMessage: /not match$/ });
  });

  it('refuses a body that is not the one that was signed', async () => {
    const bodyOnWire = encodeLogGroup({
      logs: [
        {
          time: now,
          contents: [
            ['id', 'evil'],
            ['note', '好'],
          ],
        },
      ],
    });
    expect(bodyOnWire.length).toBe(goodBody.length);
    for (const signature of ['v1', 'v4'] as const) {
      const answer = await putLogs(target, logstore, goodBody, { bodyOnWire, signature });
      expect([400, 401], answer.body.toString()).toContain(answer.status);
    }
  });

  it('refuses an unknown AccessKey', async () => {
    const answer = await sendToSls({ ...target, key: { id: 'LTAInobody', secret: 'x' } }, get);
    await expectRefused(answer, {
      status: 401,
      errorCode: 'Unauthorized',
      errorMessage: 'AccessKeyId not found: LTAInobody',
    });
  });

  it.each([-16, 16])('refuses a request of a clock that is %i minutes off', async (minutes) => {
    for (const signature of ['v1', 'v4'] as const) {
      const answer = await sendToSls(target, {
        ...get,
        signature,
        now: new Date(Date.now() + minutes * 60_000),
      });
      await expectRefused(answer, { status: 400, errorCode: 'RequestTimeExpired', errorMessage: /./ });
    }
  });

  it.each([-14, 14])('accepts a request of a clock that is %i minutes off', async (minutes) => {
    for (const signature of ['v1', 'v4'] as const) {
      const answer = await sendToSls(target, {
        ...get,
        signature,
        now: new Date(Date.now() + minutes * 60_000),
      });
      expect(answer.status, answer.body.toString()).toBe(200);
    }
  });

  it('refuses an Authorization header that is no pair, or none at all', async () => {
    await expectRefused(await sendToSls(target, strange), {
      status: 400,
      errorCode: 'ParameterInvalid',
      errorMessage: /^http extend authorization : .* pair is invalid$/,
    });
    await expectRefused(await sendToSls(target, { ...get, signature: 'none' }), {
      status: 400,
      errorCode: 'ParameterInvalid',
      errorMessage: 'need authorization in header to authenticate',
    });
  });
});

describe('what is not there', () => {
  it('names the unknown project', async () => {
    const missing = { ...target, project: 'no-such-project' };
    const refusal = {
      status: 404,
      errorCode: 'ProjectNotExist',
      errorMessage: 'The Project does not exist: no-such-project',
    };
    await expectRefused(await sendToSls(missing, { method: 'GET', path: '/' }), refusal);
    await expectRefused(await putLogs(missing, logstore, goodBody), refusal);
    await expectRefused(await getLogs(missing, logstore, { from: now - 60, to: now + 60 }), refusal);
  });

  it('names the unknown logstore', async () => {
    const refusal = {
      status: 404,
      errorCode: 'LogStoreNotExist',
      errorMessage: 'logstore nowhere does not exist',
    };
    await expectRefused(await sendToSls(target, { method: 'GET', path: '/logstores/nowhere' }), refusal);
    await expectRefused(await putLogs(target, 'nowhere', goodBody), refusal);
    await expectRefused(await getLogs(target, 'nowhere', { from: now - 60, to: now + 60 }), refusal);
  });
});

describe('bodies', () => {
  const lz4 = { 'x-log-compresstype': 'lz4' };

  it('takes 10 MB and refuses more, whether it is announced or not', async () => {
    const bigText = (bytes: number) =>
      encodeLogGroup({ logs: [{ time: now, contents: [['note', 'x'.repeat(bytes)]] }] });
    const fits = await putLogs(target, logstore, bigText(10 * 1024 * 1024 - 1024));
    expect(fits.status, fits.body.toString()).toBe(200);
    const tooLarge = { status: 400, errorCode: 'PostBodyTooLarge', errorMessage: /./ };
    await expectRefused(await putLogs(target, logstore, bigText(10 * 1024 * 1024)), tooLarge);
    // Small on the wire, but it says that it unfolds to more than the limit.
    const bomb = { ...lz4, 'x-log-bodyrawsize': String(2 ** 31 - 1) };
    await expectRefused(await putLogs(target, logstore, encodeLz4Literals(goodBody), { headers: bomb }), {
      ...tooLarge,
      errorCode: expect.stringMatching(/^(PostBodyTooLarge|InvalidBodyRawSize)$/) as unknown as string,
    });
  });

  it('refuses lz4 that is cut off, padded, or of another size than it says', async () => {
    const block = encodeLz4Literals(goodBody);
    const size = String(goodBody.length);
    const whole = await putLogs(target, logstore, block, { headers: { ...lz4, 'x-log-bodyrawsize': size } });
    expect(whole.status, whole.body.toString()).toBe(200);
    goodWrites++;
    for (const [body, rawSize] of [
      [block.subarray(0, block.length - 3), size],
      [block.subarray(0, 1), size],
      [Buffer.concat([block, Buffer.from([0xff, 0xff, 0xff])]), size],
      [block, String(goodBody.length + 1)],
      [block, String(goodBody.length - 1)],
      [Buffer.from('not lz4 at all, but long enough to look like something'), size],
    ] as const) {
      const answer = await putLogs(target, logstore, body, {
        headers: { ...lz4, 'x-log-bodyrawsize': rawSize },
      });
      await expectRefused(answer, {
        status: 400,
        errorCode: expect.stringMatching(
          /^(PostBodyUncompressError|InvalidBodyRawSize)$/,
        ) as unknown as string,
        errorMessage: /./,
      });
    }
  });

  it('refuses a compression that it does not know', async () => {
    const headers = { 'x-log-compresstype': 'brotli', 'x-log-bodyrawsize': String(goodBody.length) };
    await expectRefused(await putLogs(target, logstore, goodBody, { headers }), {
      status: 400,
      errorCode: 'InvalidCompressType',
      errorMessage: /./,
    });
  });

  it.each([
    ['text', Buffer.from('this is no protobuf')],
    ['a group cut off', goodBody.subarray(0, goodBody.length - 2)],
    ['a length beyond the end', Buffer.from('0affffffff0f', 'hex')],
    ['a varint without an end', Buffer.from('08ffffffffffffffffffffff', 'hex')],
    ['a log without its time', Buffer.from('0a061204 0a016b'.replace(' ', ''), 'hex')],
  ])('refuses a body that is no log group: %s', async (_, body) => {
    await expectRefused(await putLogs(target, logstore, body), {
      status: 400,
      errorCode: 'PostBodyInvalid',
      errorMessage: 'Protobuffer content cannot be parsed',
    });
  });

  it('refuses JSON that is none', async () => {
    const json = { 'content-type': 'application/json' };
    const answer = await sendToSls(target, {
      method: 'POST',
      path: '/logstores',
      headers: json,
      body: '{"logstoreName": ',
    });
    await expectRefused(answer, {
      status: 400,
      errorCode: 'PostBodyInvalid',
      errorMessage: 'The request body is not valid JSON object.',
    });
  });

  it('accepts an empty log group', async () => {
    const answer = await putLogs(target, logstore, new Uint8Array());
    expect(answer.status, answer.body.toString()).toBe(200);
  });
});

describe('queries', () => {
  const all = { from: now - 600, to: now + 600 };
  const position =
    '((line \\d+:\\d+: )|(ErrorType:\\w+\\.ErrorPosition,line:\\d+,column:\\d+\\.ErrorMessage:(line \\d+:\\d+: )?))?';

  it.each([
    ['an SQL syntax error', '* | SELECT FROM WHERE', /./],
    ['an SQL text without an end', "* | SELECT 'x FROM events", /./],
    [
      'an unknown column',
      '* | SELECT nothing FROM events',
      new RegExp(
        `^${position}Column 'nothing' cannot be resolved;please add the column in the index attribute$`,
      ),
    ],
    [
      'a field without index',
      'nothing:x',
      /^key \(nothing\) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark "$/,
    ],
    ['a search that does not end', 'id:(a or', /./],
    ['a wildcard in front', 'id:*x', /^(.*)only support \* or \? in the middle or end of the query/],
    ['a quotation that does not end', 'id:"x', /unclosed string quote|syntax error/],
    ['a statement that writes', '* | DROP TABLE events', /./],
    ['two statements', '* | SELECT 1; SELECT 2', /./],
    ['a function nobody has', '* | SELECT no_such_function(id) FROM events', /no_such_function/],
  ])('refuses %s', async (_, query, errorMessage) => {
    await expectRefused(await getLogs(target, logstore, { ...all, query }), {
      status: 400,
      errorCode: 'ParameterInvalid',
      errorMessage,
    });
  });

  it.each([
    ['an empty range', { from: now, to: now }, 'InvalidTimeRange', /./],
    ['a range backwards', { from: now, to: now - 1 }, 'InvalidTimeRange', /./],
    [
      'a negative time',
      { from: -1, to: now },
      'ParameterInvalid',
      /^The parameter from must be a positive integer$/,
    ],
    ['a negative offset', { ...all, offset: -1 }, 'ParameterInvalid', /^limit expression is required$/],
  ])('refuses %s', async (_, parameters, errorCode, errorMessage) => {
    await expectRefused(await getLogs(target, logstore, { query: '*', ...parameters }), {
      status: 400,
      errorCode,
      errorMessage,
    });
  });

  it.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "COPY (SELECT 1) TO '/tmp/sampan-written-by-a-query'",
    "ATTACH '/tmp/other.db'",
    "SELECT content FROM read_text('/etc/passwd')",
    "SELECT getenv('HOME')",
    'SELECT * FROM duckdb_settings()',
    'INSTALL httpfs',
    'PRAGMA database_list',
  ])('lets no query out of its logstore: %s', async (sql) => {
    const answer = await getLogs(target, logstore, { ...all, query: `* | ${sql}` });
    expect(answer.status, answer.body.toString()).toBe(400);
    expect(answer.body.toString()).not.toMatch(/root:|\/root\b/);
    await expectRefused(answer, { status: 400, errorCode: 'ParameterInvalid', errorMessage: /./ });
  });
});

describe('after all of this', () => {
  it('every good write is there and nothing of the bad ones', async () => {
    const query = '* | SELECT id, note, COUNT(*) AS n FROM events WHERE id IS NOT NULL GROUP BY id, note';
    const answer = await getLogs(target, logstore, { from: now - 600, to: now + 600, query });
    expect(answer.json()).toMatchObject({ data: [{ id: 'good', note: '好', n: String(goodWrites) }] });
  });
});

describe('the PostgreSQL interface of the emulator', () => {
  const config = () => ({
    host: sls.pg.host,
    port: sls.pg.port,
    user: sls.key.id,
    password: sls.key.secret,
    database: target.project,
  });

  async function codeOf(more: pg.ClientConfig, statement = 'SELECT 1'): Promise<unknown> {
    const client = new pg.Client({ ...config(), ...more });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query(statement);
      return 'no error';
    } catch (error) {
      return (error as pg.DatabaseError).code ?? String(error);
    } finally {
      await client.end().catch(() => {});
    }
  }

  it.each([
    ['HTTP', Buffer.from('POST / HTTP/1.1\r\n\r\n')],
    ['a length of two gigabytes', Buffer.from('7fffffff00030000', 'hex')],
    ['a length below four', Buffer.from('0000000300030000', 'hex')],
    ['a negative length', Buffer.from('8000000000030000', 'hex')],
    ['an unknown version', Buffer.from('0000000800630000', 'hex')],
    ['a start-up without a user', startupPacket({ database: 'bad-input' })],
    ['zeros', Buffer.alloc(64)],
  ])('closes on garbage and goes on: %s', async (_, bytes) => {
    await waitForClosing(sls.pg, bytes);
    expect(await codeOf({ ssl: { rejectUnauthorized: false } })).toBe('no error');
  });

  it('refuses a wrong password and an unknown user with 28P01', async () => {
    expect(await codeOf({ password: 'wrong' })).toBe('28P01');
    expect(await codeOf({ user: 'LTAInobody' })).toBe('28P01');
    expect(await codeOf({})).toBe('no error');
  });

  it('refuses an unknown database with 3D000', async () => {
    expect(await codeOf({ database: 'no-such-project' })).toBe('3D000');
  });

  it.each([
    ['SELEC 1', '42601'],
    ['SELECT nothing FROM events', '42703'],
    ['SELECT * FROM nowhere', '42P01'],
    ["INSERT INTO nowhere (a) VALUES ('b')", '42P01'],
  ])('answers %s with SQLSTATE %s', async (statement, state) => {
    expect(await codeOf({}, statement)).toBe(state);
    expect(await codeOf({})).toBe('no error');
  });

  it('refuses a frame larger than any statement may be, and goes on', async () => {
    const client = new pg.Client(config());
    client.on('error', () => {});
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: import('node:net').Socket } })
      .connection;
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.write(Buffer.from('517fffffff', 'hex'));
    await closed;
    expect(await codeOf({})).toBe('no error');
  });
});
