import { expect, test } from 'vitest';
import { defaultConfig } from '../schema/schema.ts';
import { difyIndex, logstoresOf } from './dify-index.ts';

test("Dify's indexes have 23 keys for runs and 24 for nodes, typed as Dify types them", () => {
  const runs = difyIndex('workflow_execution');
  const nodes = difyIndex('workflow_node_execution');
  expect(Object.keys(runs?.keys ?? {})).toHaveLength(23);
  expect(Object.keys(nodes?.keys ?? {})).toHaveLength(24);
  expect(runs?.keys?.['log_version']).toEqual({ type: 'long', doc_value: true });
  expect(runs?.keys?.['elapsed_time']).toEqual({ type: 'double', doc_value: true });
  expect(nodes?.keys?.['index']).toEqual({ type: 'long', doc_value: true });
  expect(nodes?.keys?.['outputs']).toMatchObject({
    type: 'text',
    caseSensitive: false,
    chn: true,
    doc_value: true,
  });
  expect(runs?.scan_index).toBe(true);
});

test('the tokenizer leaves a UUID whole', () => {
  const token = difyIndex('workflow_execution')?.line?.token ?? [];
  for (const character of '-_.') expect(token).not.toContain(character);
  expect(token.filter((character) => character === '"')).toHaveLength(2);
});

test('a logstore takes the common time to live unless it names its own, and an index written out is kept', () => {
  const config = defaultConfig({
    sls: {
      logstoreTtlDays: 30,
      logstores: {
        workflow_execution: {},
        access: { ttlDays: 7, shards: 1, index: { keys: { status: { type: 'long' } } } },
        raw: { index: 'none' },
      },
    },
  });
  expect(logstoresOf(config)).toMatchObject([
    { name: 'workflow_execution', ttlDays: 30, shards: 2, index: { scan_index: true } },
    {
      name: 'access',
      ttlDays: 7,
      shards: 1,
      index: { keys: { status: { type: 'long' } }, scan_index: true },
    },
    { name: 'raw', ttlDays: 30, index: undefined },
  ]);
});
