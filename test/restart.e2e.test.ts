import { createTemporaryFolder, waitUntil } from '@sampan/testkit';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { startSlsProcess } from './src/apps.ts';
import { createStackFolder, readEnvironment, type StackFolder } from './src/dev-stack.ts';
import { encodeLogGroup } from './src/log-group-bytes.ts';
import { outputOf, type ReadyProcess } from './src/running-process.ts';
import { createLogstore, getLogs, putLogs, type SlsTarget } from './src/sls-request.ts';

const logstore = 'workflow_node_execution';
const running: ReadyProcess[] = [];

afterEach(async () => {
  for (const process of running.splice(0)) await process.stop();
});

async function start(folder: StackFolder): Promise<ReadyProcess> {
  const process = await folder.start();
  running.push(process);
  return process;
}

interface Clients {
  readonly target: SlsTarget;
  readonly slsPg: pg.ClientConfig;
  readonly database: pg.ClientConfig;
}

async function clientsOf(folder: StackFolder): Promise<Clients> {
  const environment = await readEnvironment(folder);
  const project = environment['ALIYUN_SLS_PROJECT_NAME'] ?? '';
  const key = {
    id: environment['ALIYUN_SLS_ACCESS_KEY_ID'] ?? '',
    secret: environment['ALIYUN_SLS_ACCESS_KEY_SECRET'] ?? '',
  };
  return {
    target: { url: `http://127.0.0.1:${folder.ports.slsHttp}`, project, key },
    slsPg: {
      host: '127.0.0.1',
      port: folder.ports.slsPg,
      user: key.id,
      password: key.secret,
      database: project,
      ssl: { rejectUnauthorized: false },
    },
    database: {
      host: environment['DB_HOST'] ?? '',
      port: Number(environment['DB_PORT']),
      user: environment['DB_USERNAME'] ?? '',
      password: environment['DB_PASSWORD'] ?? '',
      database: environment['DB_DATABASE'] ?? '',
    },
  };
}

/** Writes without pause until the other side dies; remembers what was acknowledged and what was only tried. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly tried: string[] = [];
  readonly finished: Promise<void>;

  constructor(prefix: string, write: (id: string) => Promise<void>) {
    this.finished = (async () => {
      for (let number = 0; ; number++) {
        const id = `${prefix}-${number}`;
        this.tried.push(id);
        try {
          await write(id);
        } catch {
          return;
        }
        this.acknowledged.push(id);
      }
    })();
  }
}

async function connected(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function startWriters(clients: Clients, round: number): Promise<{ logs: Writer[]; rows: Writer[] }> {
  const logs: Writer[] = [];
  const rows: Writer[] = [];
  for (let number = 0; number < 4; number++) {
    logs.push(
      new Writer(`http-${round}-${number}`, async (id) => {
        const time = Math.floor(Date.now() / 1000);
        const body = encodeLogGroup({
          logs: [
            {
              time,
              contents: [
                ['id', id],
                ['log_version', '1'],
                ['inputs', 'x'.repeat(500)],
              ],
            },
          ],
        });
        const answer = await putLogs(clients.target, logstore, body);
        if (answer.status !== 200) throw new Error(answer.body.toString());
      }),
    );
  }
  for (let number = 0; number < 2; number++) {
    const sls = await connected(clients.slsPg);
    logs.push(
      new Writer(`pg-${round}-${number}`, async (id) => {
        await sls.query(
          `INSERT INTO "${logstore}" ("id", "log_version", "inputs") VALUES ('${id}', '1', 'quoted '' 查询')`,
        );
      }),
    );
    const database = await connected(clients.database);
    rows.push(
      new Writer(`row-${round}-${number}`, async (id) => {
        await database.query('INSERT INTO kept (id) VALUES ($1)', [id]);
      }),
    );
  }
  return { logs, rows };
}

/** How often each id is stored, asked over both interfaces of the log service. */
async function storedLogs(clients: Clients): Promise<{ http: Map<string, number>; pg: Map<string, number> }> {
  const sql = `SELECT id, COUNT(*) AS n FROM ${logstore} WHERE id IS NOT NULL GROUP BY id LIMIT 1000000`;
  const answer = await getLogs(clients.target, logstore, {
    from: 0,
    to: Math.floor(Date.now() / 1000) + 10,
    query: `* | ${sql}`,
  });
  expect(answer.status, answer.body.toString()).toBe(200);
  const { data } = answer.json() as { data: { id: string; n: string }[] };
  const client = await connected(clients.slsPg);
  const { rows } = await client.query<{ id: string; n: unknown }>(sql);
  await client.end();
  return {
    http: new Map(data.map(({ id, n }) => [id, Number(n)])),
    pg: new Map(rows.map(({ id, n }) => [id, Number(n)])),
  };
}

function expectExactlyOnce(stored: ReadonlyMap<string, number>, writers: readonly Writer[]): void {
  const acknowledged = writers.flatMap((writer) => writer.acknowledged);
  expect(
    acknowledged.filter((id) => stored.get(id) === undefined),
    'acknowledged but lost',
  ).toEqual([]);
  expect(
    [...stored].filter(([, count]) => count > 1),
    'stored twice',
  ).toEqual([]);
  const tried = new Set(writers.flatMap((writer) => writer.tried));
  expect(
    [...stored.keys()].filter((id) => !tried.has(id)),
    'never written',
  ).toEqual([]);
}

describe('kill -9 of the stack during writes', () => {
  it('loses nothing that was acknowledged and doubles nothing, three times in a row', async () => {
    await using folder = await createStackFolder();
    let stack = await start(folder);
    let clients = await clientsOf(folder);
    const database = await connected(clients.database);
    await database.query('CREATE TABLE kept (id text NOT NULL)');
    await database.end();

    const logs: Writer[] = [];
    const rows: Writer[] = [];
    for (const [round, victim] of ['process', 'group', 'process'].entries()) {
      const writers = await startWriters(clients, round);
      logs.push(...writers.logs);
      rows.push(...writers.rows);
      const all = [...writers.logs, ...writers.rows];
      await waitUntil(() => all.every(({ acknowledged }) => acknowledged.length >= 30), {
        what: 'every writer to have thirty acknowledged writes',
        timeoutMs: 30_000,
      });
      if (victim === 'process') stack.signal('SIGKILL');
      else stack.signalGroup('SIGKILL');
      await stack.ended;
      await Promise.all(all.map(({ finished }) => finished));

      stack = await start(folder);
      clients = await clientsOf(folder);
      const stored = await storedLogs(clients);
      expectExactlyOnce(stored.http, logs);
      expectExactlyOnce(stored.pg, logs);
      const reader = await connected(clients.database);
      const kept = await reader.query<{ id: string; n: number }>(
        'SELECT id, count(*)::int AS n FROM kept GROUP BY id',
      );
      await reader.end();
      expectExactlyOnce(new Map(kept.rows.map(({ id, n }) => [id, n])), rows);
    }
    const ending = await stack.stop();
    expect(ending.code, outputOf(stack)).toBe(0);
  });
});

describe('kill -9 of the emulator alone', () => {
  it('keeps every acknowledged log through ten kills at random moments', async () => {
    await using folder = await createTemporaryFolder();
    const writers: Writer[] = [];
    for (let round = 0; round < 10; round++) {
      await using sls = await startSlsProcess(folder.path);
      const target = sls.target('restart');
      if (round === 0) await createLogstore(target, 'events', ['id']);
      const added = Array.from(
        { length: 3 },
        (_, number) =>
          new Writer(`${round}-${number}`, async (id) => {
            const contents = [['id', id]] as const;
            const answer = await putLogs(
              target,
              'events',
              encodeLogGroup({ logs: [{ time: 1_700_000_000, contents }] }),
            );
            if (answer.status !== 200) throw new Error(answer.body.toString());
          }),
      );
      writers.push(...added);
      const wanted = 1 + Math.floor(Math.random() * 40);
      await waitUntil(() => added.some(({ acknowledged }) => acknowledged.length >= wanted), {
        what: `${wanted} acknowledged writes`,
      });
      sls.signal('SIGKILL');
      await Promise.all(added.map(({ finished }) => finished));
    }
    await using sls = await startSlsProcess(folder.path);
    const answer = await getLogs(sls.target('restart'), 'events', {
      from: 0,
      to: 2_000_000_000,
      query: '* | SELECT id, COUNT(*) AS n FROM events GROUP BY id LIMIT 1000000',
    });
    expect(answer.status, answer.body.toString()).toBe(200);
    const { data } = answer.json() as { data: { id: string; n: string }[] };
    expectExactlyOnce(new Map(data.map(({ id, n }) => [id, Number(n)])), writers);
  });
});
