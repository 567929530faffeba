import type { SecureContext } from 'node:tls';
import { encodeNegotiateProtocolVersion, parseStartup, type StartupPacket } from '@sampan/pg-wire';
import type { Channel } from './channel.ts';
import { PgError } from './pg-error.ts';

export type Startup = Extract<StartupPacket, { kind: 'startup' }>;
export type CancelRequest = Extract<StartupPacket, { kind: 'cancel' }>;

/** First byte of a TLS record that carries a handshake (RFC 8446, 5.1). */
const tlsHandshakeByte = 0x16;

/**
 * Takes a connection from its first byte to the start-up packet: answers the requests for GSS and TLS, accepts TLS
 * without a request too. `undefined` when the client leaves. Throws `WireError` or `PgError`.
 */
export async function greet(
  channel: Channel,
  secureContext: SecureContext | undefined,
): Promise<Startup | CancelRequest | undefined> {
  const first = await channel.firstByte();
  if (first === undefined) return undefined;
  if (first === tlsHandshakeByte && secureContext !== undefined) channel.startDirectTls(secureContext);
  let hasAskedTls = channel.isEncrypted;
  let hasAskedGss = false;
  for (;;) {
    const frame = await channel.read();
    if (frame === undefined) return undefined;
    const packet = parseStartup(frame.payload);
    if (packet.kind === 'ssl' && !hasAskedTls) {
      hasAskedTls = true;
      await channel.send(Buffer.from(secureContext === undefined ? 'N' : 'S'));
      if (secureContext !== undefined) await channel.startTls(secureContext);
    } else if (packet.kind === 'gssenc' && !hasAskedGss) {
      hasAskedGss = true;
      await channel.send(Buffer.from('N'));
    } else if (packet.kind === 'ssl' || packet.kind === 'gssenc') {
      throw new PgError('08P01', 'encryption was requested twice');
    } else {
      if (packet.kind === 'startup') await negotiate(channel, packet);
      return packet;
    }
    await channel.flush();
  }
}

/** A client of a newer minor version, or with unknown extensions, is told what is spoken and goes on. */
async function negotiate(channel: Channel, packet: Startup): Promise<void> {
  if (packet.protocolMinor === 0 && packet.extensions.length === 0) return;
  await channel.send(encodeNegotiateProtocolVersion(packet.extensions));
}
