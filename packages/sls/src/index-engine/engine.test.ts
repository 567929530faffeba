import { expect, it } from 'vitest';
import { indexOf, startTestEngine } from './testing.ts';

const index = indexOf({ id: 'text', status: 'text', tokens: 'long' });

it('finds a log that was acknowledged a moment ago', async () => {
  await using test = await startTestEngine(index);
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
});
