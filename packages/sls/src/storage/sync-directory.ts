import { open } from 'node:fs/promises';

/** Makes the names in a folder durable: a new, renamed or removed file survives a crash only after this. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}
