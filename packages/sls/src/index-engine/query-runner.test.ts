import { createTemporaryFolder } from '@sampan/testkit';
import { expect, it } from 'vitest';
import { bigint, varchar } from '../query/sql-type.ts';
import { openIndexFile } from './index-file.ts';
import { QueryRunner, type QueryRunnerOptions } from './query-runner.ts';

async function withRunner(
  limits: Pick<QueryRunnerOptions, 'timeoutMs' | 'resultCharactersMax' | 'concurrencyMax'>,
  use: (runner: QueryRunner) => Promise<void>,
): Promise<void> {
  await using folder = await createTemporaryFolder();
  const file = await openIndexFile({
    directory: folder.path,
    timeZone: 'UTC',
    memoryLimitMb: 256,
    onRebuild: (reason) => expect.fail(reason),
  });
  const runner = new QueryRunner({ connect: () => file.connect(), warn: () => {}, ...limits });
  try {
    await use(runner);
  } finally {
    await runner.stop();
    file.close();
  }
}

const endless = 'SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range <> b.range';

it('ends a statement at the time limit, and the next one runs', async () => {
  await withRunner({ timeoutMs: 100 }, async (runner) => {
    const began = performance.now();
    await expect(runner.run(endless, [bigint])).rejects.toMatchObject({
      status: 400,
      errorMessage: 'Query exceeded maximum time limit of 0.10s',
    });
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await runner.run('SELECT 1', [bigint])).toEqual([['1']]);
  });
});

it('refuses an answer that is too large', async () => {
  await withRunner({ resultCharactersMax: 1024 * 1024 }, async (runner) => {
    const large = "SELECT repeat('x', 1000) FROM range(100000)";
    await expect(runner.run(large, [varchar])).rejects.toMatchObject({
      status: 400,
      errorMessage: 'Query result exceeds the maximum size of 1MB; use LIMIT or fewer columns',
    });
    expect(await runner.run("SELECT 'small'", [varchar])).toEqual([['small']]);
  });
});

it('lets statements beyond the concurrency wait', async () => {
  await withRunner({ concurrencyMax: 2 }, async (runner) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_none, n) => runner.run(`SELECT ${n}`, [bigint])),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_none, n) => [[`${n}`]]));
  });
});

it('fails what runs and what waits when it stops', async () => {
  await withRunner({ concurrencyMax: 1 }, async (runner) => {
    const outcomes = Promise.allSettled([runner.run(endless, [bigint]), runner.run('SELECT 1', [bigint])]);
    await runner.stop();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(runner.run('SELECT 1', [bigint])).rejects.toMatchObject({
      errorCode: 'InternalServerError',
    });
  });
});
