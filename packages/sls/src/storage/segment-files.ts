import { open } from 'node:fs/promises';
import { syncDirectory } from './sync-directory.ts';

/** An open segment. */
export interface SegmentFile {
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Returns when the bytes written so far survive a power cut. */
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** The few calls that the writer makes on the disk, so that a test can let them fail. */
export interface SegmentFiles {
  /** Makes a file that must not exist yet. */
  create(path: string): Promise<SegmentFile>;
  open(path: string): Promise<SegmentFile>;
  syncDirectory(directory: string): Promise<void>;
}

export const diskFiles: SegmentFiles = {
  create: (path) => openFile(path, 'wx'),
  open: (path) => openFile(path, 'r+'),
  syncDirectory,
};

async function openFile(path: string, flags: string): Promise<SegmentFile> {
  const handle = await open(path, flags);
  return {
    async write(bytes, offset) {
      // A full disk shows as a short write first and as an error on the next one.
      let written = 0;
      while (written < bytes.length) {
        const result = await handle.write(bytes, written, bytes.length - written, offset + written);
        written += result.bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    truncate: (bytes) => handle.truncate(bytes),
    close: () => handle.close(),
  };
}
