import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { commandLineOf } from '@sampan/base';

/** Says who listens on a TCP port, as far as /proc shows it to this user: `process 812 (nginx: master)`. */
export function describePortHolder(port: number): string | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const entry of list('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    for (const fd of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return `process ${pid} (${nameOf(pid)})`;
    }
  }
  return undefined;
}

/** Sockets in state LISTEN (0A) on `port`; columns as in proc_pid_net_tcp(5). */
function listeningInodes(port: number): Set<string> {
  const inodes = new Set<string>();
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of text(table).split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      const inode = columns[9];
      if (columns[3] === '0A' && columns[1]?.endsWith(wanted) === true && inode !== undefined)
        inodes.add(inode);
    }
  }
  return inodes;
}

function nameOf(pid: number): string {
  const words = commandLineOf(pid).join(' ');
  return words.length > 80 ? `${words.slice(0, 77)}...` : words || text(`/proc/${pid}/comm`).trim();
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
