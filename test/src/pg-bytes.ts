import { connectTcp } from '@sampan/testkit';

/** A start-up message of protocol 3.0 with these parameters. */
export function startupPacket(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${pairs.join('')}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, body]);
}

/** Sends bytes to a fresh connection, half-closes it, and waits for the other side to hang up. */
export async function waitForClosing(
  address: { readonly host: string; readonly port: number },
  bytes: Uint8Array,
): Promise<Buffer> {
  await using client = await connectTcp(address.port, address.host);
  client.send(bytes);
  return client.closed(10_000);
}
