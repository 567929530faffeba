import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import postgres from 'postgres';
import type { PostgresAddress } from '../../src/proxied-postgres.ts';

/** What happened in one scenario: rows and tags, or the fields of the error. */
export type Outcome = unknown;

/** Outcomes as JSON has them: drivers hang parsers and prototypes on what they return. */
function plain(outcomes: readonly Outcome[]): Outcome[] {
  return JSON.parse(JSON.stringify(outcomes)) as Outcome[];
}

function outcomeOf(result: pg.QueryArrayResult | pg.QueryArrayResult[]): Outcome {
  if (Array.isArray(result)) return result.map(outcomeOf);
  return {
    command: result.command,
    rowCount: result.rowCount,
    fields: result.fields.map(({ name, dataTypeID, format }) => [name, dataTypeID, format]),
    rows: result.rows.map((row: unknown[]) =>
      row.map((cell) => (Buffer.isBuffer(cell) ? cell.toString('hex') : cell)),
    ),
  };
}

function errorOf(error: unknown): Outcome {
  if (!(error instanceof Error)) throw error;
  const { code, severity, detail, hint, position } = error as pg.DatabaseError;
  return { error: error.message, code, severity, detail, hint, position };
}

/** Statements whose whole answer must be the same with and without the proxy. */
const statements: readonly (string | { text: string; values: unknown[]; name?: string })[] = [
  'SELECT 1 AS one, NULL AS nothing, true AS yes, 1.50::numeric AS n, 2.5::float8 AS f',
  "SELECT '查询 😀 ''quoted'' \\back'::text AS t, '\\x00ff10'::bytea AS b, '{1,2,NULL}'::int[] AS a, '{\"k\": [1]}'::jsonb AS j",
  'SELECT 1 AS a; SELECT 2 AS b; SELECT generate_series(1, 3) AS c',
  '',
  ';',
  '-- only a comment',
  'CREATE TEMP TABLE IF NOT EXISTS nowhere (a int); SELECT count(*) FROM nowhere; DROP TABLE nowhere',
  'SELECT 1/0',
  'SELECT 1 AS before; SELECT 1/0; SELECT 2 AS after',
  'SELEC 1',
  'SELECT no_such_column FROM pg_class',
  'SELECT * FROM no_such_table',
  "DO $$ BEGIN RAISE NOTICE 'look'; RAISE EXCEPTION 'no' USING DETAIL = 'd', HINT = 'h', ERRCODE = 'P0001'; END $$",
  "BEGIN; CREATE TABLE rolled_back (a int); ROLLBACK; SELECT to_regclass('rolled_back')",
  'BEGIN; SELECT 1/0; COMMIT',
  "SELECT generate_series(1, 10000) AS n, repeat('x', 100) AS filling",
  "SELECT length(repeat('0123456789', 300000)), repeat('0123456789', 300000) AS long",
  'TABLE pg_namespace LIMIT 0',
  {
    text: 'SELECT $1::int + $2::int AS sum, $3::text AS t, $4::text AS nothing',
    values: [40, 2, 'é"\'\\', null],
  },
  { text: 'SELECT $1::bytea AS b, length($1) AS n', values: [Buffer.from([0, 1, 255])] },
  { text: 'SELECT length($1) AS n', values: ['z'.repeat(5_000_000)] },
  { text: 'SELECT $1::int / $2::int AS quotient', values: [1, 0] },
  { text: 'SELECT $1::int AS n', values: ['not a number'] },
  { text: 'SELECT unnest($1::text[]) AS item', values: [['a', 'b', null, 'c,d', '"']] },
  { name: 'named', text: 'SELECT $1::int * 2 AS twice', values: [21] },
  { name: 'named', text: 'SELECT $1::int * 2 AS twice', values: [4] },
  { name: 'broken', text: 'SELECT * FROM nowhere_at_all WHERE a = $1', values: [1] },
  { name: 'named', text: 'SELECT $1::int * 2 AS twice', values: [5] },
  "INSERT INTO scenario VALUES (1, 'one'), (2, 'two') RETURNING id, name",
  { text: 'INSERT INTO scenario VALUES ($1, $2) RETURNING *', values: [3, 'three'] },
  "INSERT INTO scenario VALUES (1, 'again')",
  'UPDATE scenario SET name = upper(name) WHERE id > 1',
  'DELETE FROM scenario WHERE id = 2',
  'SELECT * FROM scenario ORDER BY id',
  'LISTEN nothing_in_particular_is_sent; UNLISTEN *',
  'SET LOCAL statement_timeout = 1000',
  "BEGIN; SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(5); COMMIT",
  'EXPLAIN (COSTS OFF) SELECT 1',
  'VACUUM scenario',
];

/** Runs every statement with node-postgres on one connection, then a few transactions. */
export async function runWithPg(address: PostgresAddress): Promise<Outcome[]> {
  const client = new pg.Client(address);
  const notices: unknown[] = [];
  client.on('error', () => {});
  await client.connect();
  const outcomes: Outcome[] = [];
  await client.query('DROP TABLE IF EXISTS scenario; CREATE TABLE scenario (id int PRIMARY KEY, name text)');
  // From here on: whether the table was there before is not part of the outcome.
  client.on('notice', ({ message, severity, code }) => notices.push({ message, severity, code }));
  for (const statement of statements) {
    const config = typeof statement === 'string' ? { text: statement, values: undefined } : statement;
    outcomes.push(
      await client.query({ ...config, rowMode: 'array' } as pg.QueryArrayConfig).then(outcomeOf, errorOf),
    );
    // A failed block must be left before the next statement; outside of a block this is a warning.
    await client.query('ROLLBACK');
  }
  outcomes.push(...(await transactionsWithPg(client)));
  // The warnings about a ROLLBACK outside of a block are PostgreSQL's, so they too must arrive.
  outcomes.push({ notices });
  await client.end();
  return plain(outcomes);
}

async function transactionsWithPg(client: pg.Client): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const step = async (text: string): Promise<void> => {
    outcomes.push(await client.query({ text, rowMode: 'array' }).then(outcomeOf, errorOf));
  };
  for (const text of [
    'BEGIN',
    "INSERT INTO scenario VALUES (10, 'kept')",
    'SAVEPOINT s',
    "INSERT INTO scenario VALUES (10, 'twice')",
    'SELECT 1 AS refused',
    'ROLLBACK TO SAVEPOINT s',
    'SELECT name FROM scenario WHERE id = 10',
    'COMMIT',
    'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY',
    'SHOW transaction_isolation',
    "INSERT INTO scenario VALUES (11, 'refused')",
    'COMMIT',
    'BEGIN',
    'DECLARE c CURSOR FOR SELECT generate_series(1, 10)',
    'FETCH 3 FROM c',
    'FETCH 3 FROM c',
    'CLOSE c',
    'COMMIT',
    'SELECT * FROM scenario ORDER BY id',
  ]) {
    await step(text);
  }
  return outcomes;
}

/** Runs postgres.js, which pipelines everything it can, on one connection. */
export async function runWithPostgresJs(address: PostgresAddress): Promise<Outcome[]> {
  const notices: unknown[] = [];
  const sql = postgres({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: address.database,
    max: 1,
    onnotice: ({ message }) => void notices.push(message),
  });
  const outcomes: Outcome[] = [];
  const catching = (query: PromiseLike<unknown>): Promise<Outcome> =>
    Promise.resolve(query).then((rows) => JSON.parse(JSON.stringify(rows)) as unknown, errorOf);
  try {
    await sql`DROP TABLE IF EXISTS piped`;
    await sql`CREATE TABLE piped (id int PRIMARY KEY, name text)`;
    notices.length = 0;
    // Two hundred statements in flight on one connection; every seventh fails and spoils nothing else.
    outcomes.push(
      await Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          catching(
            n % 7 === 0 ? sql`SELECT ${n}::int / 0 AS broken` : sql`SELECT ${n}::int AS n, ${`t${n}`} AS t`,
          ),
        ),
      ),
    );
    outcomes.push(
      await catching(
        sql.begin(async (transaction) => {
          await transaction`INSERT INTO piped ${transaction([
            { id: 1, name: 'a' },
            { id: 2, name: 'b' },
          ])}`;
          return Promise.all([
            transaction`SELECT count(*)::int AS n FROM piped`,
            transaction`SELECT name FROM piped ORDER BY id`,
          ]);
        }),
      ),
    );
    outcomes.push(
      await catching(
        sql.begin(async (transaction) => {
          await transaction`INSERT INTO piped VALUES (3, 'gone')`;
          await transaction`INSERT INTO piped VALUES (1, 'twice')`;
        }),
      ),
    );
    outcomes.push(await catching(sql`SELECT * FROM piped ORDER BY id`));
    outcomes.push(await catching(sql.unsafe('SELECT 1 AS a; SELECT 2 AS b')));
    const seen: unknown[] = [];
    await sql`SELECT generate_series(1, 1000) AS n`.cursor(
      300,
      (rows) => void seen.push(rows.length, rows.at(-1)),
    );
    outcomes.push(seen);
    await pipeline(
      Readable.from(['100\thundred\n', '101\t\\N\n', '102\ttab\\there\n']),
      await sql`COPY piped FROM STDIN`.writable(),
    );
    const copied: string[] = [];
    for await (const chunk of await sql`COPY (SELECT * FROM piped ORDER BY id) TO STDOUT`.readable()) {
      copied.push(String(chunk));
    }
    outcomes.push(copied.join(''));
    outcomes.push(await catching(sql`SELECT count(*)::int AS n FROM piped`));
    const slow = sql`SELECT pg_sleep(30)`;
    const cancelled = catching(slow);
    // `cancel` is only sent for a statement that has begun.
    const watcher = setInterval(() => slow.cancel(), 100);
    outcomes.push(await cancelled);
    clearInterval(watcher);
    outcomes.push(await catching(sql`SELECT 'alive' AS state`));
    outcomes.push({ notices });
  } finally {
    await sql.end({ timeout: 5 });
  }
  return plain(outcomes);
}
