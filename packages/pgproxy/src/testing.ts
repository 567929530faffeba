import { encodeStartup } from '@sampan/pg-wire';
import { connectTcp, type TcpClient } from '@sampan/testkit';

/** One message of a server, as a raw session saw it. */
export interface SeenMessage {
  readonly tag: string;
  readonly payload: Buffer;
}

/** A client that sends exactly the messages it is given. Logs in without a password. */
export interface RawSession extends AsyncDisposable {
  readonly client: TcpClient;
  readonly processId: number;
  readonly secretKey: Buffer;
  send(...messages: readonly Uint8Array[]): void;
  /** All messages since the last call, once `count` ReadyForQuery are among them. */
  untilReady(count?: number): Promise<SeenMessage[]>;
  /** All messages since the last call, once `accept` finds what it looks for. */
  until(accept: (seen: readonly SeenMessage[]) => boolean, what: string): Promise<SeenMessage[]>;
  /** Everything that came until the proxy closed the connection. */
  untilClosed(): Promise<SeenMessage[]>;
}

/** Splits complete messages off `bytes`. */
export function splitMessages(bytes: Buffer): SeenMessage[] {
  const seen: SeenMessage[] = [];
  for (let at = 0; bytes.length - at >= 5; ) {
    const next = at + 1 + bytes.readUInt32BE(at + 1);
    if (next > bytes.length) break;
    seen.push({ tag: String.fromCharCode(bytes[at] ?? 0), payload: bytes.subarray(at + 5, next) });
    at = next;
  }
  return seen;
}

/** The tags of messages as one string, such as `1 2 D C Z`. */
export function tagsOf(seen: readonly SeenMessage[]): string {
  return seen.map((message) => message.tag).join('');
}

/** Connects and logs in as a user whose authentication is `trust`. */
export async function startRawSession(
  port: number,
  parameters: Readonly<Record<string, string>> = { user: 'trusty', database: 'postgres' },
): Promise<RawSession> {
  const client = await connectTcp(port);
  let taken = 0;
  const until: RawSession['until'] = async (accept, what) => {
    const bytes = await client.waitFor((all) => accept(splitMessages(all.subarray(taken))), what);
    const seen = splitMessages(bytes.subarray(taken));
    taken += seen.reduce((sum, message) => sum + message.payload.length + 5, 0);
    return seen;
  };
  const untilReady: RawSession['untilReady'] = (count = 1) =>
    until((seen) => seen.filter(({ tag }) => tag === 'Z').length >= count, `${count} ReadyForQuery`);
  client.send(encodeStartup(Object.entries(parameters)));
  const welcome = await until((seen) => seen.some(({ tag }) => tag === 'Z' || tag === 'E'), 'the login');
  const key = welcome.find(({ tag }) => tag === 'K')?.payload ?? Buffer.alloc(8);
  return {
    client,
    processId: key.readInt32BE(0),
    secretKey: key.subarray(4),
    send: (...messages) => client.send(Buffer.concat(messages)),
    untilReady,
    until,
    untilClosed: async () => splitMessages((await client.closed()).subarray(taken)),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
