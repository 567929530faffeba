import { createRandom, createTemporaryFolder } from '@sampan/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IndexConfig } from '../catalog/index-config.ts';
import { ColumnBatch } from '../index-engine/column-batch.ts';
import { openIndexFile } from '../index-engine/index-file.ts';
import { LogTable } from '../index-engine/log-table.ts';
import { startTestEngine, type TestEngine, type TestLogstore } from '../index-engine/testing.ts';
import { randomLog, randomSearch } from './search-corpus.fixture.ts';
import { naiveMatch } from './search-naive.fixture.ts';
import { parseSearch } from './search-parser.ts';
import { translateSearch } from './search-translate.ts';

const slow = 120_000;
let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
}, slow);
afterAll(() => engine[Symbol.asyncDispose]());

async function ids(store: TestLogstore, query: string): Promise<string[]> {
  return (await store.logs(query)).map((log) => log['id'] ?? '').sort();
}

async function storeOf(
  index: IndexConfig,
  logs: readonly Readonly<Record<string, string>>[],
): Promise<TestLogstore> {
  const store = await engine.logstore(index);
  await store.appendLogs(logs.map((log, number) => ({ id: `${number}`, ...log })));
  return store;
}

describe('search', () => {
  const index: IndexConfig = {
    line: { token: [' ', ',', '-'], caseSensitive: false, chn: false },
    keys: {
      id: { type: 'text', token: [] },
      agent: { type: 'text', token: [' ', ','] },
      code: { type: 'text', token: ['-'] },
      Case: { type: 'text', token: [' '], caseSensitive: true },
      zh: { type: 'text', token: [' '], chn: true },
      run: { type: 'text', token: [' '], chn: false },
      size: { type: 'long' },
      body: {
        type: 'json',
        token: [' '],
        json_keys: { 'user.name': { type: 'text' }, 'user.age': { type: 'long' } },
      },
    },
  };
  let store: TestLogstore;
  beforeAll(async () => {
    store = await storeOf(index, [
      { agent: 'Linux Chrome,59', code: '123-456-789', Case: 'Error here', size: '10' },
      { agent: 'Chrome Linux', code: '456', Case: 'error here', size: '1.5', free: 'cnabc cn*x' },
      { agent: '', zh: '阿里云日志服务ok', run: '阿里云日志服务', size: '-3' },
      { Ident: 'x', body: '{"user":{"name":"Ada Lovelace","age":36}}' },
      { body: '{"user":{"name":"Ada', size: '9223372036854775807' },
    ]);
  }, slow);

  it.each([
    ['agent:linux', ['0', '1']],
    ['agent:"Linux Chrome"', ['0', '1']],
    ['agent:lin', []],
    ['agent:lin*', ['0', '1']],
    ['agent:l?nux', ['0', '1']],
    ['agent:59', ['0']],
    ['code:"123-456"', ['0']],
    ['code:456', ['0', '1']],
    ['Case:Error', ['0']],
    ['case:error', ['1']],
    ['agent:*', ['0', '1', '2']],
    ['not agent:*', ['3', '4']],
    ['agent:""', ['2']],
    ['agent:* not agent:""', ['0', '1']],
    ['zh:日志', ['2']],
    ['zh:日志服务', ['2']],
    ['zh:ok', ['2']],
    ['zh:日?服*', ['2']],
    ['zh:日?*ok', ['2']],
    ['zh:服?日*', []],
    ['run:日志服务', []],
    ['run:阿里云日志服务', ['2']],
    ['size > 0', ['0', '4']],
    ['size >= 9223372036854775807', ['4']],
    ['size = 10 or size < 0', ['0', '2']],
    ['size in [-3 10)', ['2']],
    ['size:10', ['0']],
    ['size:* not size > -1000000', ['1']],
    ['ident', ['3']],
    ['size', ['0', '1', '2', '4']],
    ['"cn*x"', ['1']],
    ['cnab*', ['1']],
    ['here 59', ['0']],
    ['#"linux chrome"', ['0']],
    ['agent:#"Chrome Linux"', ['1']],
    ['code:#"123 789"', []],
    ['body.user.name:lovelace', ['3']],
    ['body.user.age > 30', ['3']],
    ['body.user.age > 40', []],
    ['linux and not (code:789 or size > 100)', ['1']],
    ['source:10.0.0.1', ['0', '1', '2', '3', '4']],
    ['__source__:10.0.*', ['0', '1', '2', '3', '4']],
    ['__topic__:x', []],
    ['__tag__:host:x', []],
  ])('%s finds %j', async (query, expected) => {
    expect(await ids(store, query)).toEqual(expected);
  });

  it.each([
    [
      'nowhere:x',
      'key (nowhere) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark "',
    ],
    [
      'free:x',
      'key (free) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark "',
    ],
    ['agent > 5', "key ('agent') is not config as numberic column"],
    ['* | where x = 1', 'SPL is not supported by this emulator: where'],
    ['* | set session mode=scan; select 1', 'set session mode=scan is not supported by this emulator'],
    ['* |', 'sql query must follow search query,please read syntax doc'],
    ['select * from log', 'sql query must follow search query,please read syntax doc'],
  ])('%s is refused', async (query, errorMessage) => {
    await expect(store.search(query)).rejects.toMatchObject({ status: 400, errorMessage });
  });

  it('covers text fields when there is no full-text index', async () => {
    const { line: _line, ...rest } = index;
    const view = store.view(rest);
    const found = await store.logs('Chrome', { logstore: view });
    expect(found.map((log) => log['id']).sort()).toEqual(['0', '1']);
    expect(await store.logs('cnabc', { logstore: view })).toEqual([]);
  });

  it('tells clients what to highlight', async () => {
    const { meta } = await store.search('agent:linux and here');
    expect(meta.terms).toEqual([
      { key: 'agent', term: 'linux' },
      { key: '', term: 'here' },
    ]);
    expect(meta).toMatchObject({
      whereQuery: 'agent:linux and here',
      hasSQL: false,
      progress: 'Complete',
      count: 2,
    });
  });
});

describe('search and a plain scan', () => {
  it('give the same logs for 2,000 made-up searches', { timeout: slow }, async () => {
    const tokens = [' ', ',', '-', '/', ':', '"', '=', '\n'];
    const index: IndexConfig = {
      line: { token: tokens, caseSensitive: false, chn: true },
      keys: {
        size: { type: 'long' },
        cost: { type: 'double' },
        level: { type: 'text', token: tokens },
        message: { type: 'text', token: [' ', '.'], chn: true },
        whole: { type: 'text', token: [] },
        exact: { type: 'text', token: tokens, caseSensitive: true },
        zh: { type: 'text', token: tokens, chn: true },
      },
    };
    const random = createRandom(4711);
    const logs = Array.from({ length: 90 }, () => randomLog(random));
    await using folder = await createTemporaryFolder();
    const file = await openIndexFile({
      directory: folder.path,
      timeZone: 'UTC',
      memoryLimitMb: 256,
      onRebuild: () => {},
    });
    const connection = await file.connect();
    const table = await LogTable.open(connection, 'corpus');
    const batch = new ColumnBatch(new Set(), 500);
    const contents = logs.map((log) => ({ time: 1, contents: Object.entries(log) }));
    batch.add(
      { topic: '', source: '', tags: [], logs: contents },
      { shard: 0, position: 0, receivedAtMs: 1 },
    );
    await table.append(batch, new Map([[0, 1]]));
    const source = table.source();
    // A hundred searches a statement: planning each alone is most of the time.
    for (let round = 0; round < 20; round += 1) {
      const queries = Array.from({ length: 100 }, () => randomSearch(random));
      const trees = queries.map(parseSearch);
      const tests = trees.map((tree) => `coalesce(${translateSearch(tree, index, source).sql}, FALSE)`);
      const reader = await connection.runAndReadAll(
        `SELECT ${tests.join(', ')} FROM ${source.table} ORDER BY sequence`,
      );
      const answers = reader.getRows();
      trees.forEach((tree, number) => {
        const found = answers.flatMap((row, log) => (row[number] === true ? [log] : []));
        const expected = logs.flatMap((log, place) => (naiveMatch(tree, log, index) ? [place] : []));
        expect(found, queries[number]).toEqual(expected);
      });
    }
    connection.closeSync();
    file.close();
  });
});
