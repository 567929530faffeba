import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';

export interface PostgresTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface TransactionsOptions {
  readonly clients: number;
  readonly durationMs: number;
  /** A pgbench script; absent: the select-only one that comes with it. */
  readonly script?: string;
  /** The same as one statement, for machines without pgbench. */
  readonly statement: { readonly name: string; readonly text: string; values(): unknown[] };
}

const run = promisify(execFile);

/** Whether pgbench is on the path; the numbers of the two generators are not comparable. */
export async function hasPgbench(): Promise<boolean> {
  return run('pgbench', ['--version']).then(
    () => true,
    () => false,
  );
}

/** Transactions per second with pgbench, prepared statements, two threads. */
async function withPgbench(target: PostgresTarget, options: TransactionsOptions): Promise<number> {
  const words = [
    '-h',
    target.host,
    '-p',
    String(target.port),
    '-U',
    target.user,
    '-n',
    '-M',
    'prepared',
    '-j',
    '2',
  ];
  const script = options.script === undefined ? ['-S'] : ['-f', options.script];
  const seconds = Math.max(1, Math.round(options.durationMs / 1000));
  const { stdout } = await run(
    'pgbench',
    [...words, ...script, '-c', String(options.clients), '-T', String(seconds), target.database],
    { env: { ...process.env, PGPASSWORD: target.password, PGSSLMODE: 'disable' } },
  );
  const found = /^tps = ([\d.]+)/m.exec(stdout);
  if (found === null || !stdout.includes('number of failed transactions: 0')) {
    throw new Error(`pgbench did not finish cleanly:\n${stdout}`);
  }
  return Number(found[1]);
}

async function withDriver(target: PostgresTarget, options: TransactionsOptions): Promise<number> {
  const { name, text, values } = options.statement;
  const clients = await Promise.all(
    Array.from({ length: options.clients }, async () => {
      const client = new pg.Client({ ...target });
      await client.connect();
      return client;
    }),
  );
  const began = performance.now();
  const until = began + options.durationMs;
  const counts = await Promise.all(
    clients.map(async (client) => {
      let count = 0;
      for (; performance.now() < until; count++) await client.query({ name, text, values: values() });
      return count;
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  await Promise.all(clients.map((client) => client.end()));
  return counts.reduce((sum, count) => sum + count, 0) / seconds;
}

/** Transactions per second of many clients, each with one statement in flight. */
export async function loadTransactions(
  target: PostgresTarget,
  options: TransactionsOptions & { readonly usePgbench: boolean },
): Promise<number> {
  return options.usePgbench ? withPgbench(target, options) : withDriver(target, options);
}
