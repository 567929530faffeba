import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** A place for log lines. */
export interface RollingFile {
  write(line: string): void;
  close(): void;
}

/**
 * Appends lines to a file and keeps at most two files of `bytesMax`: a full one becomes `PATH.previous`. Writes are
 * synchronous, so that the last lines before a crash are there; the log of a local stack is quiet.
 */
export function createRollingFile(path: string, bytesMax = 8 * 1024 * 1024): RollingFile {
  const previous = `${path}.previous`;
  let descriptor: number | undefined;
  let bytes = 0;

  function reopen(): number {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(previous, { force: true });
    try {
      renameSync(path, previous);
    } catch {
      // There was no file yet.
    }
    bytes = 0;
    descriptor = openSync(path, 'w', 0o600);
    return descriptor;
  }

  return {
    write(line) {
      const target = descriptor === undefined || bytes > bytesMax ? reopen() : descriptor;
      bytes += Buffer.byteLength(line);
      writeSync(target, line);
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}
