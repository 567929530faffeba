import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder, waitUntil } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { isOpen, root } from './src/apps.ts';
import { outputOf, type RunningProcess, runProcess, startProcess } from './src/running-process.ts';

/** The lines of every block of README.md that is marked `sh quick-start`, in order. */
async function quickStartCommands(): Promise<string[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```sh quick-start\n(.*?)^```/gms)].map((match) => match[1] ?? '');
  return blocks
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** A command that stays until it is stopped. */
function isLasting(command: string): boolean {
  return /\bpnpm(@\S+)? (run )?dev\b/.test(command);
}

/**
 * The environment of a terminal. A test that pnpm runs has variables of that run, and one of them tells a pnpm
 * inside it not to install.
 */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^p?npm_(lifecycle|package|command|execpath|node_execpath|config_verify_deps)/i.test(name),
  ),
);

/** Starts a command in its own group and waits until it prints that it is ready. */
async function startLasting(command: string, cwd: string): Promise<RunningProcess> {
  const started = startProcess({ command: ['sh', '-c', command], cwd, environment });
  try {
    const isReady = (): boolean => /\bready\b/.test(started.stdout());
    let hasEnded = false;
    void started.ended.then(() => {
      hasEnded = true;
    });
    await waitUntil(() => isReady() || hasEnded, {
      what: `\`${command}\` to print that it is ready`,
      timeoutMs: 180_000,
    });
    if (!isReady()) throw new Error(`\`${command}\` ended before it was ready`);
  } catch (error) {
    await started.stop();
    throw new Error(`${String(error)}\n${outputOf(started)}`);
  }
  return started;
}

/** The first port of the quick start that somebody on this machine already uses. */
async function busyPort(): Promise<number | undefined> {
  for (const port of [15_432, 16_432, 15_080, 15_433]) if (await isOpen(port)) return port;
  return undefined;
}

describe('the quick start of README.md', () => {
  it('has a command that starts the stack and one that uses it', async () => {
    const commands = await quickStartCommands();
    expect(commands.filter(isLasting)).toHaveLength(1);
    expect(commands.length).toBeGreaterThan(1);
  });

  it('runs as written in a fresh clone', { timeout: 400_000 }, async (test) => {
    const busy = await busyPort();
    if (busy !== undefined) return test.skip(`port ${busy} is in use: a stack runs on this machine`);
    await using folder = await createTemporaryFolder();
    const cwd = join(folder.path, 'sampan');
    const clone = await runProcess({ command: ['git', 'clone', '--quiet', '--no-hardlinks', root, cwd] });
    expect(clone.code, clone.stderr).toBe(0);
    const lasting: RunningProcess[] = [];
    try {
      for (const command of await quickStartCommands()) {
        // Cloning and changing into the folder has been done.
        if (/^(git clone|cd) /.test(command)) continue;
        if (isLasting(command)) {
          lasting.push(await startLasting(command, cwd));
          continue;
        }
        const run = await runProcess({
          command: ['sh', '-c', command],
          cwd,
          environment,
          timeoutMs: 120_000,
        });
        expect(run.code, `${command}\n${run.stdout}\n${run.stderr}`).toBe(0);
      }
    } finally {
      for (const process of lasting) await process.stop();
      // As root the database lies outside a folder that only root may enter; nothing else would remove it.
      await runProcess({ command: [process.execPath, 'bin/sampan.mjs', 'reset'], cwd, timeoutMs: 90_000 });
    }
  });
});
