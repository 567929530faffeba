import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createRandom, createTemporaryFolder } from '@sampan/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexOf, startTestEngine, type TestEngine, type TestLog } from './testing.ts';

const index = indexOf({ id: 'text', status: 'text', tokens: 'long' });
const slow = 60_000;

let shared: TestEngine;
beforeAll(async () => {
  shared = await startTestEngine();
}, slow);
afterAll(() => shared[Symbol.asyncDispose]());

function field(rows: readonly Readonly<Record<string, string>>[], name: string): (string | undefined)[] {
  return rows.map((row) => row[name]);
}

describe('reading what was written', () => {
  it('finds a log that was acknowledged a moment ago', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    await test.appendLogs([{ id: 'a', status: 'running', tokens: '5', __time__: '1760000001' }]);
    expect(await test.logs('id:a')).toEqual([
      {
        id: 'a',
        status: 'running',
        tokens: '5',
        __time__: '1760000001',
        __source__: '10.0.0.1',
        __topic__: '',
      },
    ]);
    expect(await test.rows('select id, tokens + 1 as t from log')).toEqual([['a', '6']]);
    await Promise.all(
      Array.from({ length: 40 }, async (_none, number) => {
        await test.appendLogs([{ id: `n${number}` }], number % 2);
        expect(await test.logs(`id:n${number}`)).toHaveLength(1);
      }),
    );
  });

  it('gives every value back byte for byte', { timeout: slow }, async () => {
    const values = [
      '',
      ' ',
      '\x1f',
      '\x1e',
      '\x1eU',
      'a\x1fb\x1ec',
      '\0',
      'a\0b',
      "it''s",
      '"q"',
      '日志\n\t😀',
      'null',
      '\x1eR\x1f\x1e',
    ];
    const test = await shared.logstore(index);
    await test.appendLogs(
      values.map((value, number) => ({ id: `${number}`, status: value, plain: `p${number}` })),
    );
    const found = await test.logs('*', { reverse: false });
    expect(field(found, 'status')).toEqual(values);
    expect(field(found, 'plain')).toEqual(values.map((_value, number) => `p${number}`));
    expect(await test.rows('select status from log order by id limit 100')).toEqual(
      values
        .map((value, number) => [`${number}`, value] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, value]) => [value]),
    );
  });

  it('keeps an empty value apart from an absent one', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    await test.appendLogs([{ id: 'empty', status: '' }, { id: 'absent' }]);
    expect(field(await test.logs('status:""'), 'id')).toEqual(['empty']);
    expect(field(await test.logs('not status:*'), 'id')).toEqual(['absent']);
    expect(await test.rows('select id, status from log order by id')).toEqual([
      ['absent', null],
      ['empty', ''],
    ]);
    expect(await test.rows('select count(*) from log where status is null')).toEqual([['2']]);
    expect(await test.rows('select count(*) from log where status is not null')).toEqual([['0']]);
  });

  it('orders logs by time, then arrival, and pages through them', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    for (let number = 0; number < 25; number += 1) {
      await test.appendLogs(
        [{ id: `${number}`, __time__: `${1_760_000_000 + Math.floor(number / 10)}` }],
        number % 2,
      );
    }
    const newest = Array.from({ length: 25 }, (_none, number) => `${24 - number}`);
    expect(field(await test.logs('*'), 'id')).toEqual(newest);
    expect(field(await test.logs('*', { reverse: false }), 'id')).toEqual(newest.toReversed());
    expect(field(await test.logs('*', { line: 10, offset: 20 }), 'id')).toEqual(newest.slice(20));
    expect(field(await test.logs('*', { from: 1_760_000_001, to: 1_760_000_002 }), 'id')).toEqual(
      newest.slice(5, 15),
    );
  });

  it('reads topic, source and tags of a log group', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    await test.append({
      topic: 'Billing',
      source: '192.0.2.7',
      tags: [['__hostname__', 'web-1']],
      logs: [{ time: 1_760_000_000, timeNs: 12, contents: [['id', 'x']] }],
    });
    expect(
      await test.logs('__tag__:__hostname__:web-1 and __topic__:billing and __source__:192.0.2.*'),
    ).toEqual([
      {
        id: 'x',
        '__tag__:__hostname__': 'web-1',
        __time__: '1760000000',
        __time_ns_part__: '12',
        __source__: '192.0.2.7',
        __topic__: 'Billing',
      },
    ]);
    expect(await test.logs('*', { topic: 'Other' })).toEqual([]);
    expect(await test.rows('select "__tag__:__hostname__", __topic__ from log')).toEqual([
      ['web-1', 'Billing'],
    ]);
    expect(await test.logs('*', { from: 1_760_000_000, fromNs: 13 })).toEqual([]);
    expect(
      await test.logs('*', { from: 1_760_000_000, fromNs: 12, to: 1_760_000_000, toNs: 13 }),
    ).toHaveLength(1);
  });

  it('keeps keys beyond the column cap searchable', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    const wide = Object.fromEntries(
      Array.from({ length: 520 }, (_none, number) => [`k${number}`, `v${number}`]),
    );
    await test.appendLogs([{ id: 'wide', ...wide, 'with "quote" \\': 'needle' }]);
    await test.appendLogs([{ id: 'narrow' }]);
    const [found] = await test.logs('needle');
    expect(found).toMatchObject({ id: 'wide', k519: 'v519', 'with "quote" \\': 'needle' });
    expect(field(await test.logs('v519'), 'id')).toEqual(['wide']);
    expect(field(await test.logs('k519'), 'id')).toEqual(['wide']);
    const changed = test.view(indexOf({ id: 'text', k519: 'text', 'with "quote" \\': 'text' }));
    expect(field(await test.logs('k519:v519', { logstore: changed }), 'id')).toEqual(['wide']);
    expect(await test.rows('select k519 from log where k519 is not null', { logstore: changed })).toEqual([
      ['v519'],
    ]);
  });

  it('takes up fields that appear later, alone and in thousands of logs', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    await test.appendLogs([{ id: 'a' }]);
    expect(await test.logs('*')).toHaveLength(1);
    await test.appendLogs([{ id: 'b', second: 'x' }]);
    expect(field(await test.logs('x'), 'id')).toEqual(['b']);
    await test.appendLogs(
      Array.from({ length: 3000 }, (_none, number) => ({ id: `${number}`, third: `t${number % 2}` })),
    );
    await test.appendLogs([{ fourth: 'y' }, { id: 'c', second: 'z', third: 't9' }]);
    expect(await test.rows('select count(*), count(id) from log')).toEqual([['3004', '3003']]);
    expect(await test.logs('z t9')).toMatchObject([{ id: 'c', second: 'z', third: 't9' }]);
    expect(field(await test.logs('y'), 'fourth')).toEqual(['y']);
  });

  it('tells keys apart that differ in case only', { timeout: slow }, async () => {
    const test = await shared.logstore(indexOf({ Name: 'text', name: 'text' }));
    await test.appendLogs([{ Name: 'upper', name: 'lower' }]);
    expect(await test.logs('Name:upper and name:lower')).toHaveLength(1);
    expect(await test.logs('Name:lower')).toEqual([]);
    expect(await test.rows('select "Name", name from log')).toEqual([['upper', 'lower']]);
  });
});

describe('the index', () => {
  it('may change its types after the logs were written', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    await test.appendLogs([
      { id: 'a', tokens: '5' },
      { id: 'b', tokens: '1.5' },
      { id: 'c', tokens: 'many' },
      { id: 'd' },
    ]);
    const ids = async (query: string, logstore = test.view()) =>
      field(await test.logs(query, { logstore }), 'id').sort();
    expect(await ids('tokens >= 0')).toEqual(['a']);
    const asDouble = test.view(indexOf({ id: 'text', tokens: 'double' }));
    expect(await ids('tokens >= 0', asDouble)).toEqual(['a', 'b']);
    const asText = test.view(indexOf({ id: 'text', tokens: 'text' }));
    expect(await ids('tokens:many', asText)).toEqual(['c']);
    expect(await test.rows('select sum(tokens) from log', { logstore: asDouble })).toEqual([['6.5']]);
  });

  it('is refused where there is none', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    const logstore = { ...test.view(), index: undefined };
    for (const query of ['*', '* | select 1']) {
      await expect(test.search(query, { logstore })).rejects.toMatchObject({
        status: 404,
        errorCode: 'IndexConfigNotExist',
      });
    }
  });

  it('is dropped with its logstore', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    await test.appendLogs([{ id: 'a' }]);
    expect(await test.logs('*')).toHaveLength(1);
    await test.engine.drop(test.view().uid);
    expect(await test.logs('*', { logstore: { ...test.view(), shards: [] } })).toEqual([]);
  });
});

describe('after an interruption', () => {
  it('goes on where it stopped, with no log lost or doubled', { timeout: slow }, async () => {
    await using own = await startTestEngine();
    const test = await own.logstore(index);
    for (let round = 0; round < 3; round += 1) {
      await test.appendLogs(
        Array.from({ length: 500 }, (_none, number) => ({ id: `${round}-${number}` })),
        round % 2,
      );
      expect(await test.rows('select count(*), count(distinct id) from log')).toEqual([
        [`${500 * (round + 1)}`, `${500 * (round + 1)}`],
      ]);
      await own.restart();
    }
    expect(await test.rows('select count(*), count(distinct id) from log')).toEqual([['1500', '1500']]);
  });

  it('builds a damaged index again from the log', { timeout: slow }, async () => {
    await using own = await startTestEngine();
    const test = await own.logstore(index);
    await test.appendLogs([{ id: 'a' }, { id: 'b' }]);
    expect(await test.logs('*')).toHaveLength(2);
    await own.stop();
    writeFileSync(join(own.dataDirectory, 'index.duckdb'), 'this is no database file'.repeat(1000));
    await own.restart();
    expect(field(await test.logs('*'), 'id').sort()).toEqual(['a', 'b']);
  });

  it('builds the index of a logstore again when it is ahead of the log', { timeout: slow }, async () => {
    await using own = await startTestEngine();
    const test = await own.logstore(index);
    await test.appendLogs([{ id: 'a' }]);
    await test.appendLogs([{ id: 'b' }]);
    expect(await test.logs('*')).toHaveLength(2);
    await own.restart();
    const earlier = test.view().shards.map((shard) => ({ ...shard, end: Math.min(shard.end, 1) }));
    expect(field(await test.logs('*', { logstore: { ...test.view(), shards: earlier } }), 'id')).toEqual([
      'a',
    ]);
    expect(await test.logs('*')).toHaveLength(2);
  });

  it('passes over a record that is no log group', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    const random = createRandom(7);
    await test.appendLogs([{ id: 'before' }]);
    for (let number = 0; number < 20; number += 1) {
      await test.appendBytes(Buffer.from(Array.from({ length: 50 }, () => random.integer(256))));
    }
    await test.appendLogs([{ id: 'after' }]);
    expect(field(await test.logs('id:before or id:after'), 'id').sort()).toEqual(['after', 'before']);
  });

  it('passes over a record whose bytes have changed on the disk', { timeout: slow }, async () => {
    await using own = await startTestEngine();
    const test = await own.logstore(index);
    for (const id of ['one', 'two', 'three', 'four']) await test.appendLogs([{ id }]);
    const directory = test.view().shards[0]?.directory ?? '';
    await own.stop();
    const path = join(directory, '0000000000000000.seg');
    const bytes = readFileSync(path);
    bytes.write('x', bytes.indexOf('two'));
    bytes.write('x', bytes.indexOf('four'));
    writeFileSync(path, bytes);
    await own.restart();
    expect(field(await test.logs('*'), 'id').sort()).toEqual(['one', 'three']);
    await test.appendLogs([{ id: 'five' }]);
    expect(field(await test.logs('*'), 'id').sort()).toEqual(['five', 'one', 'three']);
  });

  it('survives SIGKILL between and during batches', { timeout: slow }, async () => {
    await using own = await startTestEngine();
    const test = await own.logstore(index);
    const logs: TestLog[] = Array.from({ length: 3000 }, (_none, number) => ({
      id: `id-${number}`,
      status: 'x'.repeat(200),
    }));
    for (let from = 0; from < logs.length; from += 100)
      await test.appendLogs(logs.slice(from, from + 100), (from / 100) % 2);
    await own.stop();
    const victim = join(import.meta.dirname, 'kill-victim.fixture.ts');
    const view = JSON.stringify({
      dataDirectory: join(own.dataDirectory, '..', 'killed'),
      logstore: test.view(),
    });
    for (const delayMs of [20, 150]) {
      const run = spawnSync(process.execPath, ['--import', 'tsx', victim], {
        env: { ...process.env, VICTIM: view, VICTIM_DELAY_MS: String(delayMs) },
        encoding: 'utf8',
      });
      expect(run.signal, run.stderr).toBe('SIGKILL');
    }
    const { createIndexEngine } = await import('./engine.ts');
    await using engine = createIndexEngine({ dataDirectory: join(own.dataDirectory, '..', 'killed') });
    const result = await engine.sql({
      logstore: test.view(),
      sql: 'select count(*), count(distinct id) from log',
    });
    expect(result.rows).toEqual([['3000', '3000']]);
  });
});

describe('the histogram', () => {
  it('covers the range in slots that add up', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    const times = [0, 1, 59, 60, 61, 119, 120, 179];
    await test.appendLogs(
      times.map((second) => ({
        id: `${second}`,
        status: second < 61 ? 'a' : 'b',
        __time__: `${1_760_000_000 + second}`,
      })),
    );
    const slots = (query: string, interval?: number) =>
      test.engine.histogram({
        logstore: test.view(),
        query,
        from: 1_760_000_000,
        to: 1_760_000_180,
        ...(interval === undefined ? {} : { interval }),
      });
    expect((await slots('*', 60)).map((slot) => slot.count)).toEqual([3, 3, 2]);
    const fine = await slots('status:a | select count(*) from log');
    expect(fine).toHaveLength(60);
    expect(fine[0]).toEqual({ from: 1_760_000_000, to: 1_760_000_003, count: 2, progress: 'Complete' });
    expect(fine.at(-1)?.to).toBe(1_760_000_180);
    expect(fine.reduce((sum, slot) => sum + slot.count, 0)).toBe(4);
    const all = await test.engine.histogram({
      logstore: test.view(),
      query: '*',
      from: 0,
      to: 4_000_000_000,
    });
    expect(all).toHaveLength(60);
    await expect(slots('*', 0.001)).rejects.toMatchObject({ errorCode: 'ParameterInvalid' });
  });
});

describe('the worker', () => {
  it('keeps DuckDB out of the thread that imports the engine', async () => {
    const script = `
      import('${new URL('./engine.ts', import.meta.url).href}').then(() => {
        const loaded = process.report.getReport().sharedObjects.filter((name) => name.includes('duckdb'));
        process.stdout.write(JSON.stringify(loaded));
      });`;
    const loaded = execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { encoding: 'utf8' });
    expect(JSON.parse(loaded)).toEqual([]);
  });

  it('that dies takes its calls with it, and the next one goes on', { timeout: slow }, async () => {
    await using folder = await createTemporaryFolder();
    let starts = 0;
    const { createIndexEngine } = await import('./engine.ts');
    const { startWorker } = await import('@sampan/base');
    await using engine = createIndexEngine({ dataDirectory: folder.path }, (settings) => {
      starts += 1;
      if (starts > 1)
        return startWorker(new URL('./engine.ts', import.meta.url).href, 'indexer.worker', {
          workerData: settings,
        });
      return new Worker("require('node:worker_threads').parentPort.once('message', () => process.exit(3))", {
        eval: true,
      });
    });
    const logstore = { uid: 'u', project: 'p', name: 'n', index, shards: [] };
    const query = { logstore, sql: 'select count(*) from log' };
    await expect(engine.sql(query)).rejects.toMatchObject({ status: 500, errorCode: 'InternalServerError' });
    expect((await engine.sql(query)).rows).toEqual([['0']]);
    expect(starts).toBe(2);
  });

  it('that cannot open its folder fails each call and can be stopped', { timeout: slow }, async () => {
    await using folder = await createTemporaryFolder();
    const path = join(folder.path, 'a-file');
    writeFileSync(path, '');
    const { createIndexEngine } = await import('./engine.ts');
    await using engine = createIndexEngine({ dataDirectory: path });
    const logstore = { uid: 'u', project: 'p', name: 'n', index, shards: [] };
    engine.notify(logstore);
    await expect(engine.sql({ logstore, sql: 'select 1' })).rejects.toMatchObject({
      errorCode: 'InternalServerError',
    });
    await engine.stop();
  });

  it('refuses calls beyond those it can remember', { timeout: slow }, async () => {
    const test = await shared.logstore(index);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, () => test.rows('select count(*) from log')),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(300 - 256);
    expect(refused[0]).toMatchObject({ reason: { status: 403, errorMessage: 'Too many queued queries' } });
  });

  it('stops while queries run', { timeout: slow }, async () => {
    await using own = await startTestEngine();
    const test = await own.logstore(index);
    await test.appendLogs(Array.from({ length: 2000 }, (_none, number) => ({ id: `${number}` })));
    await test.logs('*');
    const endless = 'select count(*) from log a, log b, log c, log d where a.id < b.id and c.id < d.id';
    const outcomes = Promise.allSettled([test.rows(endless), test.rows(endless), test.rows('select 1')]);
    await own.stop();
    expect((await outcomes).map((outcome) => outcome.status).slice(0, 2)).toEqual(['rejected', 'rejected']);
  });

  it('leaves the file closed and small after it stops', { timeout: slow }, async () => {
    await using own = await startTestEngine();
    const test = await own.logstore(index);
    await test.appendLogs(
      Array.from({ length: 2000 }, (_none, number) => ({ id: `${number}`, status: 'same text' })),
    );
    await test.rows('select count(*) from log');
    await own.stop();
    await own.stop();
    expect(readdirSync(own.dataDirectory)).not.toContain('index.duckdb.wal');
    expect(statSync(join(own.dataDirectory, 'index.duckdb')).size).toBeLessThan(4 * 1024 * 1024);
    await expect(test.logs('*')).rejects.toMatchObject({ errorCode: 'InternalServerError' });
  });
});
