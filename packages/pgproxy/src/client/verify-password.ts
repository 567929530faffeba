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

  /** Starts the check the user is configured for. */
  check(name: string): PasswordCheck {
    const user = this.#users.get(name);
    const isHash = /^md5[0-9a-f]{32}$/.test(user?.password ?? '');
    const method = user?.auth ?? (isHash ? 'md5' : 'scram');
    if (user !== undefined && method === 'trust') {
      return { request: undefined, answer: () => ({ verdict: 'accepted' }) };
    }
    if (method === 'md5') return this.#md5(name, user?.password ?? '');
    if (method === 'cleartext') return this.#cleartext(name, user?.password ?? '');
    return this.#scram(this.#keysOf(user));
  }

  #keysOf(user: UserOptions | undefined): ScramKeys {
    if (user?.password === undefined) {
      return {
        ...this.#nobody,
        salt: createHash('sha256').update(this.#nobody.salt).digest().subarray(0, 16),
      };
    }
    const known = this.#keys.get(user.name);
    if (known !== undefined) return known;
    const keys = parseScramVerifier(user.password) ?? deriveScramKeys(user.password);
    this.#keys.set(user.name, keys);
    return keys;
  }

  #md5(name: string, password: string): PasswordCheck {
    const salt = randomBytes(4);
    return {
      request: encodeAuthenticationMd5Password(salt),
      answer: (payload) => ({
        verdict: isSame(parsePassword(payload), md5Password(name, password, salt)) ? 'accepted' : 'refused',
      }),
    };
  }

  #cleartext(name: string, password: string): PasswordCheck {
    return {
      request: encodeAuthenticationCleartextPassword(),
      answer: (payload) => ({
        verdict: agrees({ name, stored: password, given: parsePassword(payload) }) ? 'accepted' : 'refused',
      }),
    };
  }

  #scram(keys: ScramKeys): PasswordCheck {
    const server = createScramServer({ keys });
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
