import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../src/apps.ts';
import { type StackOfTest, startStackOfTest } from '../../src/dev-stack.ts';
import { jsonLinesOf } from '../../src/running-process.ts';

const program = `${root}/test/compat/alicloud-log/program.mjs`;
const project = 'alicloud-log-compat';

let stack: StackOfTest;
let steps: Map<string, unknown>;

beforeAll(async () => {
  stack = await startStackOfTest();
  const run = await stack.exec([process.execPath, program]);
  expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
  steps = new Map(jsonLinesOf(run.stdout).map((line) => [String(line['step']), line['result']]));
});

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

function failure(code: string, message: string): unknown {
  return { code, message, hasRequestId: true };
}

describe('an unchanged program with @alicloud/log under `sampan exec`', () => {
  it('creates a project and is told when it is missing or there already', () => {
    expect(steps.get('unknown project')).toEqual(
      failure('ProjectNotExist', `The Project does not exist: ${project}`),
    );
    expect(steps.get('create project')).toBe('');
    expect(steps.get('get project')).toEqual({
      name: project,
      description: 'made by @alicloud/log',
      status: 'Normal',
    });
    expect(steps.get('create project twice')).toEqual(
      failure('ProjectAlreadyExist', `Project ${project} already exist`),
    );
  });

  it('creates, lists and updates a logstore', () => {
    expect(steps.get('unknown logstore')).toEqual(failure('LogStoreNotExist', 'logstore web does not exist'));
    expect(steps.get('create logstore')).toBe('');
    expect(steps.get('get logstore')).toEqual({ name: 'web', ttl: 7, shardCount: 2 });
    expect(steps.get('list logstores')).toMatchObject({ count: 1, total: 1, logstores: ['web'] });
    expect(steps.get('update logstore')).toBe('');
    expect(steps.get('ttl after update')).toBe(8);
  });

  it('gets the index keys back exactly as given', () => {
    expect(steps.get('no index')).toEqual(failure('IndexConfigNotExist', "index config doesn't exist"));
    expect(steps.get('query without index')).toMatchObject({ code: 'IndexConfigNotExist' });
    expect(steps.get('create index')).toBe('');
    const token = [...', \'";=()[]{}?@&<>/:\n\t\r'];
    expect(steps.get('index keys')).toEqual({
      path: { type: 'text', caseSensitive: false, chn: false, doc_value: true, token },
      status: { type: 'long', doc_value: true },
      seconds: { type: 'double', doc_value: true },
    });
    expect(steps.get('index twice')).toMatchObject({ code: 'IndexAlreadyExist' });
    expect(steps.get('index keys after update')).toEqual(['status']);
  });

  it('reads what it wrote: by search, by page, by histogram', () => {
    const numbers = Array.from({ length: 30 }, (_, number) => number);
    expect(steps.get('search')).toEqual(
      numbers
        .filter((number) => number % 6 === 0)
        .map((number) => [number - 300, '/orders/订单', '500', `"quoted"\nline ${number}`]),
    );
    expect(steps.get('flattened')).toEqual(['web topic', '192.0.2.7', 'host-1']);
    expect(steps.get('page backwards')).toEqual(
      numbers
        .slice(16, 23)
        .map((number) => number - 300)
        .reverse(),
    );
    expect(steps.get('histogram')).toBe(10);
  });

  it('gets text in every cell of an SQL answer', () => {
    // Half of the logs are for each path; five of each half have status 500.
    const total = String(5 * 500 + 10 * 200);
    const rows = steps.get('sql') as { mean: string }[];
    expect(rows).toEqual([
      { path: '/orders/订单', n: '15', total, mean: expect.any(String) },
      { path: '/users', n: '15', total, mean: expect.any(String) },
    ]);
    // The even and the odd numbers below 30, in tenths of a second.
    expect(Number(rows[0]?.mean)).toBeCloseTo(1.4, 9);
    expect(Number(rows[1]?.mean)).toBeCloseTo(1.5, 9);
    expect(steps.get('project sql')).toEqual(['30']);
    expect(steps.get('sql error')).toMatchObject({ code: 'ParameterInvalid', hasRequestId: true });
  });

  it('deletes everything again', () => {
    expect(steps.get('delete index')).toBe('');
    expect(steps.get('delete logstore')).toBe('');
    expect(steps.get('deleted logstore')).toMatchObject({ code: 'LogStoreNotExist' });
    expect(steps.get('delete project')).toBe('');
    expect(steps.get('deleted project')).toMatchObject({ code: 'ProjectNotExist' });
  });
});
