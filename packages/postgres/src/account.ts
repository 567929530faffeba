import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { postgresErrors } from './errors.ts';

/** An account that PostgreSQL runs as instead of root, which it refuses. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account that PostgreSQL must be dropped to, or `undefined` when this process is not root. initdb looks
 * its user up by name, so a bare number does not do; every system knows `nobody`.
 */
export async function findAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [name, , uid, gid] = lines.find((fields) => fields[0] === wanted) ?? [];
    if (name !== undefined && Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw postgresErrors.create('POSTGRES_ACCOUNT_MISSING', {
    message:
      'PostgreSQL refuses to run as root, and /etc/passwd has neither an account `postgres` nor `nobody`',
    hint: 'create one (`useradd --system postgres`), or run this as an ordinary user',
  });
}

/** True if `account` may enter the folder and everything above it, asked of the system itself (modes, ACLs, mounts). */
export function mayEnter(account: Account | undefined, folder: string): Promise<boolean> {
  if (account === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const shell = spawn('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      stdio: 'ignore',
      // A folder of a network that does not answer is as good as closed.
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    shell.once('error', () => resolve(false));
    shell.once('exit', (code) => resolve(code === 0));
  });
}
