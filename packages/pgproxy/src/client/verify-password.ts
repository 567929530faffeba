import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  createScramServer,
  deriveScramKeys,
  encodeAuthenticationCleartextPassword,
  encodeAuthenticationMd5Password,
  encodeAuthenticationSasl,
  encodeAuthenticationSaslContinue,
  encodeAuthenticationSaslFinal,
  md5Password,
  parsePassword,
  parseSaslInitialResponse,
  parseSaslResponse,
  parseScramVerifier,
  type ScramKeys,
} from '@sampan/pg-wire';
import type { UserOptions } from '../options.ts';

const md5Hash = /^md5[0-9a-f]{32}$/;

/** One client's proof of its password: messages out, messages in, then a verdict. */
export interface PasswordCheck {
  /** What is sent first; `undefined` when nothing is asked. */
  readonly request: Buffer | undefined;
  /** Takes a password message. A buffer is to be sent and the next message awaited. */
  answer(payload: Buffer): { readonly reply?: Buffer; readonly verdict?: 'accepted' | 'refused' };
}

/** Knows the users. Keys are derived once, because the derivation is slow on purpose. */
export class PasswordBook {
  readonly #users: ReadonlyMap<string, UserOptions>;
  readonly #keys = new Map<string, ScramKeys>();
  /** An unknown user gets the same questions, so that names cannot be probed. */
  readonly #nobody: ScramKeys = {
    iterations: 4096,
    salt: randomBytes(16),
    storedKey: randomBytes(32),
    serverKey: randomBytes(32),
  };

  constructor(users: readonly UserOptions[]) {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  user(name: string): UserOptions | undefined {
    return this.#users.get(name);
  }

  /** Starts the check of `user`, by `auth` or else by what the user is configured for. */
  check(request: {
    readonly name: string;
    readonly user: UserOptions | undefined;
    readonly auth?: UserOptions['auth'];
    /** Offers SCRAM-SHA-256-PLUS too. */
    readonly channelBinding: Buffer | undefined;
  }): PasswordCheck {
    const { name, user } = request;
    const password = user?.password ?? '';
    const isHash = md5Hash.test(password);
    const asked = request.auth ?? user?.auth ?? (isHash ? 'md5' : 'scram');
    // As in PostgreSQL, `md5` means SCRAM for a password that is stored so.
    const method = asked === 'md5' && parseScramVerifier(password) !== undefined ? 'scram' : asked;
    if (user !== undefined && method === 'trust') {
      return { request: undefined, answer: () => ({ verdict: 'accepted' }) };
    }
    if (method === 'md5') return this.#md5(name, user?.password);
    if (method === 'cleartext') return this.#cleartext(name, user?.password);
    return this.#scram(this.#keysOf(isHash ? undefined : user), request.channelBinding);
  }

  #keysOf(user: UserOptions | undefined): ScramKeys {
    if (user?.password === undefined) {
      return {
        ...this.#nobody,
        salt: createHash('sha256').update(this.#nobody.salt).digest().subarray(0, 16),
      };
    }
    const verifier = parseScramVerifier(user.password);
    if (verifier !== undefined) return verifier;
    const known = this.#keys.get(user.name);
    if (known !== undefined) return known;
    const keys = deriveScramKeys(user.password);
    this.#keys.set(user.name, keys);
    return keys;
  }

  #md5(name: string, password: string | undefined): PasswordCheck {
    const salt = randomBytes(4);
    return {
      request: encodeAuthenticationMd5Password(salt),
      answer: (payload) => ({
        verdict:
          password !== undefined && isSame(parsePassword(payload), md5Password(name, password, salt))
            ? 'accepted'
            : 'refused',
      }),
    };
  }

  #cleartext(name: string, password: string | undefined): PasswordCheck {
    return {
      request: encodeAuthenticationCleartextPassword(),
      answer: (payload) => ({
        verdict:
          password !== undefined && agrees({ name, stored: password, given: parsePassword(payload) })
            ? 'accepted'
            : 'refused',
      }),
    };
  }

  #scram(keys: ScramKeys, channelBinding: Buffer | undefined): PasswordCheck {
    const server = createScramServer({ keys, ...(channelBinding === undefined ? {} : { channelBinding }) });
    let isFirst = true;
    return {
      request: encodeAuthenticationSasl(server.mechanisms),
      answer: (payload) => {
        if (isFirst) {
          isFirst = false;
          const { mechanism, data } = parseSaslInitialResponse(payload);
          return { reply: encodeAuthenticationSaslContinue(server.first(mechanism, data)) };
        }
        const final = server.final(parseSaslResponse(payload));
        if (final === undefined) return { verdict: 'refused' };
        return { reply: encodeAuthenticationSaslFinal(final), verdict: 'accepted' };
      },
    };
  }
}

/** Compares a password in the clear with whatever form is stored. */
function agrees(what: { readonly name: string; readonly stored: string; readonly given: string }): boolean {
  const keys = parseScramVerifier(what.stored);
  if (keys !== undefined) {
    const have = deriveScramKeys(what.given, { salt: keys.salt, iterations: keys.iterations });
    return timingSafeEqual(have.storedKey, keys.storedKey);
  }
  if (/^md5[0-9a-f]{32}$/.test(what.stored)) {
    const hash = createHash('md5')
      .update(what.given + what.name)
      .digest('hex');
    return isSame(`md5${hash}`, what.stored);
  }
  return isSame(what.given, what.stored);
}

/** Compares in constant time. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
