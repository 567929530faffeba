import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { saslprep } from '@mongodb-js/saslprep';
import { sqlstates, WireError } from './sqlstate.ts';

export const scramSha256 = 'SCRAM-SHA-256';
export const scramSha256Plus = 'SCRAM-SHA-256-PLUS';

/** What a server stores instead of a password (RFC 5803). */
export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const defaultIterations = 4096;
/** Answering a hostile server's larger count would block this process for seconds. */
const iterationsMax = 1_000_000;

const hmac = (key: Uint8Array, data: string | Uint8Array): Buffer =>
  createHmac('sha256', key).update(data).digest();
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));
}

/** PostgreSQL uses the bytes as they are when SASLprep refuses them (`pg_saslprep`), so that any password works. */
function prepared(password: string): string {
  try {
    return saslprep(password);
  } catch {
    return password;
  }
}

function saltedPassword(password: string, salt: Buffer, iterations: number): Buffer {
  return pbkdf2Sync(prepared(password), salt, iterations, 32, 'sha256');
}

/** Derives what a server needs to check `password`; takes milliseconds, so keep the result. */
export function deriveScramKeys(
  password: string,
  options: { readonly salt?: Buffer; readonly iterations?: number } = {},
): ScramKeys {
  const salt = options.salt ?? randomBytes(16);
  const iterations = options.iterations ?? defaultIterations;
  const salted = saltedPassword(password, salt, iterations);
  return {
    iterations,
    salt,
    storedKey: sha256(hmac(salted, 'Client Key')),
    serverKey: hmac(salted, 'Server Key'),
  };
}

/** The text form of `pg_authid.rolpassword`: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. */
export function formatScramVerifier(keys: ScramKeys): string {
  const base64 = (bytes: Buffer): string => bytes.toString('base64');
  return `${scramSha256}$${keys.iterations}:${base64(keys.salt)}$${base64(keys.storedKey)}:${base64(keys.serverKey)}`;
}

/** Reads the text form of `pg_authid.rolpassword`, or returns `undefined` when `text` is something else. */
export function parseScramVerifier(text: string): ScramKeys | undefined {
  const match = /^SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, iterations, salt, storedKey, serverKey] = match;
  const keys = {
    iterations: Number(iterations),
    salt: Buffer.from(salt ?? '', 'base64'),
    storedKey: Buffer.from(storedKey ?? '', 'base64'),
    serverKey: Buffer.from(serverKey ?? '', 'base64'),
  };
  return keys.storedKey.length === 32 && keys.serverKey.length === 32 ? keys : undefined;
}

export interface ScramServerOptions {
  /** The password, or a verifier as in `pg_authid`. Ignored when `keys` is given. */
  readonly password?: string;
  readonly verifier?: string;
  readonly keys?: ScramKeys;
  /** The `tls-server-end-point` hash; when present the PLUS mechanism is offered too. */
  readonly channelBinding?: Buffer;
  /** Fixed in tests only. */
  readonly nonce?: string;
}

/** One login as the server sees it: two messages in, two out. */
export interface ScramServer {
  /** To be offered in AuthenticationSASL, preferred first. */
  readonly mechanisms: readonly string[];
  /** Takes the client's first message, returns the data of AuthenticationSASLContinue. */
  first(mechanism: string, clientFirst: Uint8Array): Buffer;
  /** Takes the client's proof, returns the data of AuthenticationSASLFinal; `undefined`: wrong password. */
  final(clientFinal: Uint8Array): Buffer | undefined;
}

const malformed = (detail: string): WireError =>
  new WireError(sqlstates.protocolViolation, `malformed SCRAM message: ${detail}`);

/** Reads `a=…,b=…` attributes; the value may contain `=`. */
function attribute(text: string | undefined, letter: string): string {
  if (text === undefined || !text.startsWith(`${letter}=`)) throw malformed(`attribute "${letter}" expected`);
  return text.slice(2);
}

function keysOf(options: ScramServerOptions): ScramKeys {
  if (options.keys !== undefined) return options.keys;
  if (options.verifier !== undefined) {
    const keys = parseScramVerifier(options.verifier);
    if (keys !== undefined) return keys;
    throw new TypeError('the verifier is not of the form SCRAM-SHA-256$iterations:salt$key:key');
  }
  return deriveScramKeys(options.password ?? '');
}

export function createScramServer(options: ScramServerOptions): ScramServer {
  return new ScramServerLogin(options);
}

class ScramServerLogin implements ScramServer {
  readonly mechanisms: readonly string[];
  readonly #keys: ScramKeys;
  readonly #binding: Buffer | undefined;
  readonly #ownNonce: string;
  #header = '';
  #usesBinding = false;
  #clientFirstBare = '';
  #serverFirst = '';
  #nonce = '';

  constructor(options: ScramServerOptions) {
    this.#keys = keysOf(options);
    this.#binding = options.channelBinding;
    this.#ownNonce = options.nonce ?? randomBytes(18).toString('base64');
    this.mechanisms = this.#binding === undefined ? [scramSha256] : [scramSha256Plus, scramSha256];
  }

  first(mechanism: string, clientFirst: Uint8Array): Buffer {
    if (!this.mechanisms.includes(mechanism)) {
      throw new WireError(
        sqlstates.protocolViolation,
        'client selected an invalid SASL authentication mechanism',
      );
    }
    const text = Buffer.from(clientFirst).toString('utf8');
    const [flag = '', authzid = '', ...bare] = text.split(',');
    this.#checkHeader({ mechanism, flag, authzid });
    if (bare[0]?.startsWith('m=') === true) throw malformed('mandatory extensions are not supported');
    attribute(bare[0], 'n');
    const clientNonce = attribute(bare[1], 'r');
    if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(clientNonce)) throw malformed('non-printable characters in nonce');
    this.#header = `${flag},${authzid},`;
    this.#clientFirstBare = bare.join(',');
    this.#nonce = clientNonce + this.#ownNonce;
    const { salt, iterations } = this.#keys;
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`;
    return Buffer.from(this.#serverFirst);
  }

  final(clientFinal: Uint8Array): Buffer | undefined {
    const text = Buffer.from(clientFinal).toString('utf8');
    const proofAt = text.lastIndexOf(',p=');
    if (proofAt === -1 || this.#serverFirst === '') throw malformed('proof expected');
    const withoutProof = text.slice(0, proofAt);
    const fields = withoutProof.split(',');
    if (attribute(fields[0], 'c') !== this.#wantedBinding()) {
      throw new WireError(sqlstates.invalidAuthorizationSpecification, 'SCRAM channel binding check failed');
    }
    if (attribute(fields[1], 'r') !== this.#nonce) throw malformed('nonce does not match');
    const proof = Buffer.from(text.slice(proofAt + 3), 'base64');
    if (proof.length !== 32) throw malformed('malformed proof');
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const clientKey = xor(proof, hmac(this.#keys.storedKey, authMessage));
    if (!timingSafeEqual(sha256(clientKey), this.#keys.storedKey)) return undefined;
    return Buffer.from(`v=${hmac(this.#keys.serverKey, authMessage).toString('base64')}`);
  }

  #checkHeader(header: {
    readonly mechanism: string;
    readonly flag: string;
    readonly authzid: string;
  }): void {
    const { flag } = header;
    this.#usesBinding = header.mechanism === scramSha256Plus;
    if (this.#usesBinding !== flag.startsWith('p=')) {
      throw malformed('channel binding flag and mechanism disagree');
    }
    if (this.#usesBinding && flag !== 'p=tls-server-end-point') {
      throw new WireError(sqlstates.protocolViolation, 'unsupported SCRAM channel-binding type');
    }
    if (!this.#usesBinding && flag !== 'n' && flag !== 'y') {
      throw malformed('unexpected channel binding flag');
    }
    if (flag === 'y' && this.#binding !== undefined) {
      // The client would have used PLUS had it seen it: somebody removed it from the offer.
      throw new WireError(
        sqlstates.invalidAuthorizationSpecification,
        'SCRAM channel binding negotiation error',
      );
    }
    if (header.authzid !== '') {
      throw new WireError(
        sqlstates.featureNotSupported,
        'client uses authorization identity, but it is not supported',
      );
    }
  }

  #wantedBinding(): string {
    const data = this.#usesBinding && this.#binding !== undefined ? this.#binding : Buffer.alloc(0);
    return Buffer.concat([Buffer.from(this.#header), data]).toString('base64');
  }
}

export interface ScramClientOptions {
  readonly password: string;
  /** As in the start-up packet. PostgreSQL ignores the name inside SCRAM, so it may be left out. */
  readonly user?: string;
  /** The `tls-server-end-point` hash of the server's certificate, for the PLUS mechanism. */
  readonly channelBinding?: Buffer;
  /** Fixed in tests only. */
  readonly nonce?: string;
}

/** One login as the client sees it. */
export interface ScramClient {
  /** Chooses among the offered mechanisms; returns the data of SASLInitialResponse. */
  first(offered: readonly string[]): { readonly mechanism: string; readonly data: Buffer };
  /** Takes AuthenticationSASLContinue, returns the data of SASLResponse. */
  continue(serverFirst: Uint8Array): Buffer;
  /** Takes AuthenticationSASLFinal; throws when the server does not know the password either. */
  verify(serverFinal: Uint8Array): void;
}

export function createScramClient(options: ScramClientOptions): ScramClient {
  const nonce = options.nonce ?? randomBytes(18).toString('base64');
  const name = (options.user ?? '').replaceAll('=', '=3D').replaceAll(',', '=2C');
  const clientFirstBare = `n=${name},r=${nonce}`;
  let header = 'n,,';
  let binding = Buffer.alloc(0);
  let serverSignature: Buffer | undefined;

  return {
    first(offered) {
      const usesPlus = options.channelBinding !== undefined && offered.includes(scramSha256Plus);
      if (!usesPlus && !offered.includes(scramSha256)) {
        throw new WireError(
          sqlstates.featureNotSupported,
          `none of the server's SASL mechanisms is supported: ${offered.join(', ')}`,
        );
      }
      if (usesPlus) {
        header = 'p=tls-server-end-point,,';
        binding = Buffer.from(options.channelBinding ?? []);
      } else if (options.channelBinding !== undefined) {
        header = 'y,,';
      }
      return {
        mechanism: usesPlus ? scramSha256Plus : scramSha256,
        data: Buffer.from(header + clientFirstBare),
      };
    },
    continue(serverFirst) {
      const text = Buffer.from(serverFirst).toString('utf8');
      const fields = text.split(',');
      const serverNonce = attribute(fields[0], 'r');
      const salt = Buffer.from(attribute(fields[1], 's'), 'base64');
      const iterations = Number(attribute(fields[2], 'i'));
      if (!serverNonce.startsWith(nonce) || serverNonce.length === nonce.length) {
        throw malformed('nonce does not match');
      }
      if (
        !Number.isInteger(iterations) ||
        iterations < 1 ||
        iterations > iterationsMax ||
        salt.length === 0
      ) {
        throw malformed('salt or iteration count is invalid');
      }
      const channel = Buffer.concat([Buffer.from(header), binding]).toString('base64');
      const withoutProof = `c=${channel},r=${serverNonce}`;
      const authMessage = `${clientFirstBare},${text},${withoutProof}`;
      const salted = saltedPassword(options.password, salt, iterations);
      const clientKey = hmac(salted, 'Client Key');
      const proof = xor(clientKey, hmac(sha256(clientKey), authMessage));
      serverSignature = hmac(hmac(salted, 'Server Key'), authMessage);
      return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
    },
    verify(serverFinal) {
      const text = Buffer.from(serverFinal).toString('utf8');
      if (text.startsWith('e=')) {
        throw new WireError(sqlstates.invalidPassword, `SCRAM authentication failed: ${text.slice(2)}`);
      }
      const have = Buffer.from(attribute(text.split(',')[0], 'v'), 'base64');
      const isSame =
        serverSignature !== undefined &&
        have.length === serverSignature.length &&
        timingSafeEqual(have, serverSignature);
      if (!isSame) {
        throw new WireError(sqlstates.invalidAuthorizationSpecification, 'incorrect server signature');
      }
    },
  };
}
