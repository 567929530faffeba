import { describe, expect, test } from 'vitest';
import { md5Password } from './md5.ts';
import {
  createScramClient,
  createScramServer,
  deriveScramKeys,
  formatScramVerifier,
  parseScramVerifier,
} from './scram.ts';

// RFC 7677, section 3.
const rfc = {
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

const rfcServer = () =>
  createScramServer({
    keys: deriveScramKeys('pencil', { salt: rfc.salt, iterations: 4096 }),
    nonce: rfc.serverNonce,
  });

function login(
  password: string,
  server: ReturnType<typeof createScramServer>,
  channelBinding?: Buffer,
): Buffer | undefined {
  const client = createScramClient({ password, ...(channelBinding === undefined ? {} : { channelBinding }) });
  const { mechanism, data } = client.first(server.mechanisms);
  const final = server.final(client.continue(server.first(mechanism, data)));
  if (final !== undefined) client.verify(final);
  return final;
}

describe('SCRAM-SHA-256', () => {
  test('server and client produce the messages of RFC 7677', () => {
    const server = rfcServer();
    expect(server.first('SCRAM-SHA-256', Buffer.from(rfc.clientFirst)).toString()).toBe(rfc.serverFirst);
    expect(server.final(Buffer.from(rfc.clientFinal))?.toString()).toBe(rfc.serverFinal);

    const client = createScramClient({ user: 'user', password: 'pencil', nonce: rfc.clientNonce });
    expect(client.first(['SCRAM-SHA-256']).data.toString()).toBe(rfc.clientFirst);
    expect(client.continue(Buffer.from(rfc.serverFirst)).toString()).toBe(rfc.clientFinal);
    client.verify(Buffer.from(rfc.serverFinal));
  });

  test('a wrong password is told apart from a broken message', () => {
    const server = createScramServer({ password: 'right' });
    expect(login('wrong', server)).toBeUndefined();
    const broken = createScramServer({ password: 'right' });
    expect(() => broken.first('SCRAM-SHA-256', Buffer.from('hello'))).toThrow(/malformed|flag/);
    expect(() => broken.final(Buffer.from('c=biws,r=x'))).toThrow(/malformed/);
  });

  test('passwords are compared after SASLprep, and unpreparable ones as they are', () => {
    // U+00AA becomes "a", U+00AD disappears (RFC 4013, section 3).
    expect(login('\u00AAb\u00AD', createScramServer({ password: 'ab' }))).toBeDefined();
    expect(login('\u0627\u0031', createScramServer({ password: '\u0627\u0031' }))).toBeDefined();
  });

  test('a verifier in the form of pg_authid works in place of the password', () => {
    const keys = deriveScramKeys('pencil', { salt: rfc.salt });
    const verifier = formatScramVerifier(keys);
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$/);
    expect(parseScramVerifier(verifier)).toEqual(keys);
    expect(login('pencil', createScramServer({ verifier }))).toBeDefined();
    expect(parseScramVerifier('md5abc')).toBeUndefined();
  });

  test('channel binding succeeds only when both sides saw the same certificate', () => {
    const seen = Buffer.alloc(32, 1);
    expect(login('p', createScramServer({ password: 'p', channelBinding: seen }), seen)).toBeDefined();
    expect(() =>
      login('p', createScramServer({ password: 'p', channelBinding: seen }), Buffer.alloc(32, 2)),
    ).toThrow(/channel binding/);
  });

  test('a removed PLUS offer is noticed', () => {
    const server = createScramServer({ password: 'p', channelBinding: Buffer.alloc(32) });
    expect(() => server.first('SCRAM-SHA-256', Buffer.from('y,,n=,r=abc'))).toThrow(/negotiation/);
  });

  test('the client refuses a server that does not know the password or asks for absurd work', () => {
    const client = createScramClient({ password: 'p', nonce: 'n' });
    client.first(['SCRAM-SHA-256']);
    client.continue(Buffer.from('r=nx,s=AAAA,i=1'));
    expect(() => client.verify(Buffer.from('v=AAAA'))).toThrow(/incorrect server signature/);
    expect(() => client.continue(Buffer.from('r=nx,s=AAAA,i=999999999'))).toThrow(/iteration/);
    expect(() => client.continue(Buffer.from('r=other,s=AAAA,i=1'))).toThrow(/nonce/);
    expect(() => client.first(['OAUTHBEARER'])).toThrow(/OAUTHBEARER/);
  });
});

describe('MD5 password', () => {
  test('is the answer PostgreSQL expects, from the password or from its stored form', () => {
    // Computed with: SELECT 'md5' || md5(md5('secret' || 'me') || 'salt') in PostgreSQL.
    const salt = Buffer.from('salt');
    const want = 'md541c83370953958037c7298c50b238bda';
    expect(md5Password('me', 'secret', salt)).toBe(want);
    expect(md5Password('me', 'md5ae557034da7821f8788e6ba4bd9926f3', salt)).toBe(want);
  });
});
