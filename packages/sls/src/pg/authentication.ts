import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  clientTags,
  createScramServer,
  encodeAuthenticationMd5Password,
  encodeAuthenticationOk,
  encodeAuthenticationSasl,
  encodeAuthenticationSaslContinue,
  encodeAuthenticationSaslFinal,
  md5Password,
  parsePassword,
  parseSaslInitialResponse,
  parseSaslResponse,
} from '@sampan/pg-wire';
import { type Channel, ConnectionLost } from './channel.ts';
import { PgError } from './pg-error.ts';

/**
 * How a client proves that it has the AccessKey: `md5` is what the service uses, `scram-sha-256` is stronger, `any`
 * asks nothing and lets everybody in.
 */
export type PgAuthentication = 'md5' | 'scram-sha-256' | 'any';

export interface Login {
  readonly user: string;
  readonly method: PgAuthentication;
  /** The secret of an AccessKey id, `undefined` for an unknown one. */
  readonly secretOf: (accessKeyId: string) => string | undefined;
}

/**
 * Runs the password exchange up to AuthenticationOk. An unknown user goes through the same exchange as a wrong
 * password and gets the same answer, 28P01.
 */
export async function authenticate(channel: Channel, login: Login): Promise<void> {
  if (login.user === '') {
    throw new PgError('28000', 'no PostgreSQL user name specified in startup packet');
  }
  const isIn =
    login.method === 'any' ||
    (login.method === 'md5' ? await checkMd5(channel, login) : await checkScram(channel, login));
  if (!isIn) throw new PgError('28P01', `password authentication failed for user "${login.user}"`);
  await channel.send(encodeAuthenticationOk());
}

async function checkMd5(channel: Channel, login: Login): Promise<boolean> {
  const salt = randomBytes(4);
  await channel.send(encodeAuthenticationMd5Password(salt));
  const answer = parsePassword(await passwordMessage(channel));
  const { secret, isKnown } = secretFor(login);
  return isSame(answer, md5Password(login.user, secret, salt)) && isKnown;
}

async function checkScram(channel: Channel, login: Login): Promise<boolean> {
  const { secret, isKnown } = secretFor(login);
  const scram = createScramServer({ password: secret });
  await channel.send(encodeAuthenticationSasl(scram.mechanisms));
  const initial = parseSaslInitialResponse(await passwordMessage(channel));
  if (!scram.mechanisms.includes(initial.mechanism)) {
    throw new PgError('08P01', 'client selected an invalid SASL authentication mechanism');
  }
  await channel.send(encodeAuthenticationSaslContinue(scram.first(initial.mechanism, initial.data)));
  const final = scram.final(parseSaslResponse(await passwordMessage(channel)));
  if (final === undefined || !isKnown) return false;
  await channel.send(encodeAuthenticationSaslFinal(final));
  return true;
}

/** For an unknown user a secret that nobody has, so that both cases take the same path. */
function secretFor(login: Login): { readonly secret: string; readonly isKnown: boolean } {
  const secret = login.secretOf(login.user);
  return { secret: secret ?? randomBytes(16).toString('hex'), isKnown: secret !== undefined };
}

async function passwordMessage(channel: Channel): Promise<Buffer> {
  await channel.flush();
  const frame = await channel.read();
  if (frame === undefined) throw new ConnectionLost('the client left during the password exchange');
  if (frame.type !== clientTags.password) {
    throw new PgError('08P01', `expected password response, got message type ${frame.type}`);
  }
  return frame.payload;
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
