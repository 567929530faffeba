import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProxiedPostgres, startProxiedPostgres } from '../../src/proxied-postgres.ts';
import { runProcess } from '../../src/running-process.ts';

const connectionsMax = 10;
let stack: ProxiedPostgres;

const version = await runProcess({ command: ['pgbench', '--version'] }).catch(() => undefined);
const isPresent = version?.code === 0;

async function pgbench(parameters: readonly string[], port: number): ReturnType<typeof runProcess> {
  const { host, user, password, database } = stack.direct;
  return runProcess({
    command: ['pgbench', '-h', host, '-p', String(port), '-U', user, ...parameters, database],
    environment: { ...process.env, PGPASSWORD: password, PGSSLMODE: 'disable' },
    timeoutMs: 120_000,
  });
}

beforeAll(async () => {
  if (!isPresent) return;
  stack = await startProxiedPostgres({ connections: connectionsMax });
  const { code, stderr } = await pgbench(['-i', '-s', '1', '-q'], stack.direct.port);
  expect(code, stderr).toBe(0);
});

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
});

describe.skipIf(!isPresent)(
  'pgbench -S with 64 clients over ten server connections (skipped where pgbench is not on the path)',
  () => {
    it.each(['simple', 'extended', 'prepared'])(
      'has no error in %s mode and never opens an eleventh',
      async (mode) => {
        let isRunning = true;
        const seen: number[] = [];
        const watch = (async () => {
          while (isRunning) seen.push((await stack.serverConnections()).length);
        })();
        const run = await pgbench(
          ['-S', '-n', '-c', '64', '-j', '2', '-t', '50', '-M', mode],
          stack.proxied.port,
        );
        isRunning = false;
        await watch;
        expect(run.code, run.stderr).toBe(0);
        expect(run.stderr).not.toMatch(/error|fatal|abort/i);
        expect(run.stdout).toContain('number of transactions actually processed: 3200/3200');
        expect(run.stdout).toContain('number of failed transactions: 0');
        expect(seen.length).toBeGreaterThan(3);
        expect(Math.max(...seen)).toBeLessThanOrEqual(connectionsMax);
        expect((await stack.show('SERVERS')).length).toBeLessThanOrEqual(connectionsMax);
      },
    );

    it('keeps 64 transactions of a writing script apart', async () => {
      // Not in prepared mode: there pgbench waits for each Parse with its whole thread, open transactions included.
      const run = await pgbench(
        ['-n', '-c', '64', '-j', '2', '-t', '5', '-M', 'extended'],
        stack.proxied.port,
      );
      expect(run.code, run.stderr).toBe(0);
      expect(run.stdout).toContain('number of transactions actually processed: 320/320');
      const client = await stack.postgres.connect();
      const { rows } = await client.query(
        'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history) AS accounts, ' +
          '(SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history) AS branches, ' +
          '(SELECT count(*)::int FROM pgbench_history) AS history',
      );
      await client.end();
      expect(rows).toEqual([{ accounts: true, branches: true, history: 320 }]);
    });
  },
);
