import type { IncomingMessage } from 'node:http';
import { slsErrors } from '@sampan/sls-wire';

/** The largest body that PutLogs takes, before and after decompression. */
export const bodyBytesMax = 10 * 1024 * 1024;

/** What is read and thrown away of a body that is too large, so that its sender gets to read the answer. */
const discardedBytesMax = 64 * 1024 * 1024;

const empty = Buffer.alloc(0);

/** Thrown when the client went away before its request was complete; there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Reads a body, chunked or with a length. Throws `PostBodyTooLarge` once the whole body has been taken in. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  const { headers } = request;
  if (headers['content-length'] === '0') return Promise.resolve(empty);
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    return Promise.resolve(empty);
  }
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    let isWhole = false;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bodyBytesMax) chunks.push(chunk);
      else {
        chunks = [];
        if (bytes > discardedBytesMax) request.destroy();
      }
    });
    request.on('end', () => {
      isWhole = true;
      if (bytes > bodyBytesMax) reject(slsErrors.postBodyTooLarge(bytes, bodyBytesMax));
      // Small bodies come in one piece and need no copy.
      else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    // Every request closes in the end; only one that is not whole yet has lost its client.
    const closed = (): void => {
      if (!isWhole) reject(new ClientGone('the client closed the connection within its request'));
    };
    request.on('error', closed);
    request.on('close', closed);
  });
}
