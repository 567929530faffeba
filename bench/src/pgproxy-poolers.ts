import { execFile, spawn } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startApp } from './app-process.ts';
import type { BenchPostgres } from './postgres.ts';

/** A pooler in a process of its own, in front of the PostgreSQL of the bench. */
export interface Pooler extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Whether protocol-level prepared statements survive transaction pooling. */
  readonly hasPrepared: boolean;
}

export const poolSize = 20;
export const clientsMax = 8000;

/** The users every pooler knows; all of them share the server connections of one PostgreSQL user. */
export const users = {
  /** Logs in without a password, so that the load generator does not spend its time on PBKDF2. */
  load: 'load',
  /** The two components of the fairness figure. */
  critical: 'critical',
  flood: 'flood',
  /** Logs in with SCRAM; poolers know the verifier of the password, not the password. */
  secure: 'secure',
} as const;

const run = promisify(execFile);

/** Starts the proxy from its bundle. */
export async function startProxy(options: {
  readonly folder: string;
  readonly postgres: BenchPostgres;
  readonly verifier: string;
  readonly extra: Readonly<Record<string, unknown>>;
}): Promise<Pooler> {
  const { folder, postgres, verifier, extra } = options;
  const { host, port, user, password } = postgres;
  const file = join(folder, 'pgproxy.json');
  const trusted = [users.load, users.critical, users.flood].map((name) => ({ name, auth: 'trust' }));
  const config = {
    listen: { host: '127.0.0.1', port: 0 },
    server: { host, port, connections: poolSize, user, password },
    users: [...trusted, { name: users.secure, auth: 'scram', password: verifier }],
    components: [
      {
        name: 'critical',
        match: { user: users.critical },
        guaranteed: 5,
        max: poolSize,
        queueMax: clientsMax,
      },
      { name: 'flood', match: { user: users.flood }, guaranteed: 0, max: poolSize, queueMax: clientsMax },
    ],
    defaultComponent: { queueMax: clientsMax },
    clientConnectionsMax: clientsMax,
    ...extra,
  };
  await writeFile(file, JSON.stringify(config));
  const app = await startApp('pgproxy', ['--config', file]);
  return {
    name: 'pgproxy',
    port: Number(app.ready['port']),
    pid: app.pid,
    hasPrepared: true,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

/** The version of PgBouncer (`SAMPAN_PGBOUNCER` or from the path), absent where there is none. */
export async function pgbouncerVersion(): Promise<string | undefined> {
  return run(pgbouncerPath(), ['--version']).then(
    ({ stdout }) => /PgBouncer ([\d.]+)/.exec(stdout)?.[1],
    () => undefined,
  );
}

function pgbouncerPath(): string {
  return process.env['SAMPAN_PGBOUNCER'] ?? 'pgbouncer';
}

function pgbouncerConfig(
  folder: string,
  postgres: BenchPostgres,
  port: number,
  hasPrepared: boolean,
): string {
  const { host, user, password, database } = postgres;
  return [
    '[databases]',
    `${database} = host=${host} port=${postgres.port} dbname=${database} user=${user} password=${password}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = hba',
    `auth_hba_file = ${join(folder, 'hba.conf')}`,
    `auth_file = ${join(folder, 'users.txt')}`,
    'pool_mode = transaction',
    `default_pool_size = ${poolSize}`,
    `max_client_conn = ${clientsMax}`,
    'log_connections = 0',
    'log_disconnections = 0',
    'log_stats = 0',
    ...(hasPrepared ? ['max_prepared_statements = 200'] : []),
    // It refuses to run as root.
    ...(process.getuid?.() === 0 ? ['user = nobody'] : []),
    '',
  ].join('\n');
}

/** Starts PgBouncer with the same users, the same number of server connections and transaction pooling. */
export async function startPgbouncer(options: {
  readonly folder: string;
  readonly postgres: BenchPostgres;
  readonly verifier: string;
  readonly port: number;
  readonly version: string;
}): Promise<Pooler> {
  const { folder, postgres, verifier, port, version } = options;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const hasPrepared = major > 1 || minor >= 21;
  const trusted = [users.load, users.critical, users.flood];
  const rules = trusted.map((name) => `host all ${name} 127.0.0.1/32 trust`);
  // As root it runs as another user, who must get through to its files.
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'hba.conf'), `${rules.join('\n')}\nhost all all 127.0.0.1/32 scram-sha-256\n`);
  const entries = [...trusted.map((name) => `"${name}" ""`), `"${users.secure}" "${verifier}"`];
  await writeFile(join(folder, 'users.txt'), `${entries.join('\n')}\n`);
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, pgbouncerConfig(folder, postgres, port, hasPrepared));
  const child = spawn(pgbouncerPath(), ['-q', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    const insist = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(insist);
  };
  const deadline = performance.now() + 10_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`pgbouncer did not start\n${errors}`);
    }
    await delay(50);
  }
  return {
    name: `PgBouncer ${version}`,
    port,
    pid: child.pid ?? 0,
    hasPrepared,
    [Symbol.asyncDispose]: stop,
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** User and system time of a process with all its threads, microseconds, in steps of 10 ms (`/proc/PID/stat`). */
export async function cpuMicros(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses and may hold anything; user and system time are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Memory of a process in RAM that nobody shares with it, KB: what its end would give back. */
export async function privateMemoryKb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  let sum = 0;
  for (const [, size] of text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)) sum += Number(size);
  return sum;
}
