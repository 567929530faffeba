import type { IncomingMessage } from 'node:http';
import { slsErrors } from '@sampan/sls-wire';

/** The largest body that PutLogs takes, before and after decompression. */
export const bodyBytesMax = 10 * 1024 * 1024;

/**
 * What is read and thrown away of a body that is too large, so that its sender gets to read the answer and the
 * connection can be used again. Beyond it the connection is closed.
 */
const discardedBytesMax = 64 * 1024 * 1024;

/** What the bodies under way may hold together. */
const heldBytesMax = 512 * 1024 * 1024;

const empty = Buffer.alloc(0);

/** Thrown when the client went away before its request was complete; there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Bodies that have been read and whose requests are not answered yet. */
export interface BodyReader {
  /**
   * Reads a body, chunked or with a length. Throws `PostBodyTooLarge`, or `ServerBusy` when too many large
   * bodies are under way. Whoever gets a body calls `release` with it once its request is answered.
   */
  read(request: IncomingMessage): Promise<Buffer>;
  release(body: Buffer): void;
}

export function createBodyReader(options: { readonly heldBytesMax?: number } = {}): BodyReader {
  const bytesMax = options.heldBytesMax ?? heldBytesMax;
  let heldBytes = 0;

  function collect(request: IncomingMessage): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let chunks: Buffer[] = [];
      let bytes = 0;
      let held = 0;
      let isWhole = false;
      let isRefused = false;
      const giveUp = (): void => {
        chunks = [];
        heldBytes -= held;
        held = 0;
      };
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        isRefused ||= bytes > bodyBytesMax || heldBytes + chunk.length > bytesMax;
        if (isRefused) {
          giveUp();
          if (bytes > discardedBytesMax) reject(slsErrors.postBodyTooLarge(bytes, bodyBytesMax));
          return;
        }
        chunks.push(chunk);
        held += chunk.length;
        heldBytes += chunk.length;
      });
      request.on('end', () => {
        isWhole = true;
        if (bytes > bodyBytesMax) reject(slsErrors.postBodyTooLarge(bytes, bodyBytesMax));
        else if (isRefused) reject(slsErrors.serverBusy());
        // Small bodies come in one piece and need no copy.
        else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
      });
      // Every request closes in the end; only one that is not whole yet has lost its client.
      request.on('error', () => {});
      request.on('close', () => {
        if (isWhole) return;
        giveUp();
        reject(new ClientGone('the client closed the connection within its request'));
      });
    });
  }

  return {
    read(request) {
      const length = request.headers['content-length'];
      if (length === '0' || (length === undefined && request.headers['transfer-encoding'] === undefined)) {
        return Promise.resolve(empty);
      }
      if (Number(length) > discardedBytesMax) {
        return Promise.reject(slsErrors.postBodyTooLarge(Number(length), bodyBytesMax));
      }
      return collect(request);
    },
    release(body) {
      heldBytes -= body.length;
    },
  };
}
