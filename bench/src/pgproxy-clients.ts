import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const iterations = 4096;

/** A password that is derived once, so that logging in costs the load generator next to nothing. */
export interface ScramSecret {
  /** As PostgreSQL keeps it in `pg_authid`. */
  readonly verifier: string;
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** RFC 5802, section 3, with SHA-256. */
export function createScramSecret(): ScramSecret {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(randomBytes(16).toString('hex'), salt, iterations, 32, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  const storedKey = createHash('sha256').update(clientKey).digest();
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  const verifier = `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey.toString('base64')}:${serverKey}`;
  return { verifier, clientKey, storedKey };
}

function message(tag: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(tag, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function startup(user: string, database: string): Buffer {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
}

const firstBare = (nonce: string): string => `n=,r=${nonce}`;

function saslInitial(nonce: string): Buffer {
  const first = Buffer.from(`n,,${firstBare(nonce)}`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(first.length);
  return message('p', Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), length, first]));
}

function saslFinal(secret: ScramSecret, nonce: string, serverFirst: string): Buffer {
  const withoutProof = `c=biws,r=${/r=([^,]+)/.exec(serverFirst)?.[1] ?? ''}`;
  const signature = hmac(secret.storedKey, `${firstBare(nonce)},${serverFirst},${withoutProof}`);
  const proof = Buffer.from(secret.clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
  return message('p', Buffer.from(`${withoutProof},p=${proof.toString('base64')}`));
}

/** Connects and logs in; resolves at ReadyForQuery. */
export function logIn(options: {
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly secret?: ScramSecret;
}): Promise<Socket> {
  const { port, user, database, secret } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const nonce = randomBytes(18).toString('base64');
    let kept = Buffer.alloc(0);
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(`login as ${user} at port ${port} failed: ${why}`));
    };
    const take = (tag: string, body: Buffer): void => {
      const kind = tag === 'R' ? body.readInt32BE(0) : -1;
      if (kind === 10) socket.write(saslInitial(nonce));
      else if (kind === 11 && secret !== undefined) {
        socket.write(saslFinal(secret, nonce, body.toString('latin1', 4)));
      } else if (kind === 3 || kind === 5 || tag === 'E') fail(body.toString('latin1'));
      else if (tag === 'Z') {
        socket.removeAllListeners();
        socket.on('error', () => {});
        resolve(socket);
      }
    };
    socket.once('connect', () => socket.write(startup(user, database)));
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('the connection was closed'));
    socket.on('data', (chunk) => {
      kept = Buffer.concat([kept, chunk]);
      while (kept.length >= 5 && kept.length > kept.readInt32BE(1)) {
        const size = 1 + kept.readInt32BE(1);
        take(kept.toString('latin1', 0, 1), kept.subarray(5, size));
        kept = kept.subarray(size);
      }
    });
  });
}

/** Says goodbye and waits until the other side has closed. */
export async function logOut(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.resume();
    socket.end(message('X', Buffer.alloc(0)));
  });
}

/** Runs `work` for 0 … count − 1, `width` at a time. */
export async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}
