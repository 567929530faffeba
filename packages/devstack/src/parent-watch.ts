import { basename } from 'node:path';
import { commandLineOf, parentOf } from '@sampan/base';

/** One link of the chain from this process towards whoever started it. */
interface Link {
  readonly pid: number;
  readonly parent: number;
}

/**
 * Calls `onGone` once when whoever started this process is gone. A package manager killed by its id leaves the
 * shell between it and us alive, so the chain is followed through `sh -c` and npm, npx and pnpm.
 */
export function watchParent(onGone: () => void, everyMs = 500): () => void {
  const links = startChain();
  const timer = setInterval(() => {
    if (links.every((link) => currentParent(link.pid) === link.parent)) return;
    clearInterval(timer);
    onGone();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

function startChain(): Link[] {
  const links: Link[] = [{ pid: process.pid, parent: process.ppid }];
  // A real chain has at most six links: npx, sh, npm, sh, pnpm, sh.
  for (let pid = process.ppid; links.length < 8 && pid > 1 && isGoBetween(commandLineOf(pid)); ) {
    const parent = parentOf(pid);
    if (parent === undefined) break;
    links.push({ pid, parent });
    pid = parent;
  }
  return links;
}

function currentParent(pid: number): number | undefined {
  return pid === process.pid ? process.ppid : parentOf(pid);
}

/** True for a process that only waits for its child: a shell with one command, or a package manager. */
export function isGoBetween(words: readonly string[]): boolean {
  // npm writes its whole command into the first word: `npm exec pnpm@10 dev`.
  const program = basename((words[0] ?? '').split(' ')[0] ?? '');
  if (/^(sh|dash|bash|zsh|ash)$/.test(program)) return words[1] === '-c';
  if (/^(npm|npx|pnpm|pnpx|yarn)$/.test(program)) return true;
  return program === 'node' && /^(npm|npx|pnpm|pnpx|yarn)(-cli)?(\.c?js)?$/.test(basename(words[1] ?? ''));
}
