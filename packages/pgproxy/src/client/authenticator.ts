import { sqlstates, WireError } from '@sampan/pg-wire';
import type { UserOptions } from '../options.ts';
import type { AuthQuery } from '../server/auth-query.ts';
import type { AccessRules, Visitor } from './access-rules.ts';
import type { PasswordBook, PasswordCheck } from './verify-password.ts';

/** A login to be checked, and who it is for if the check succeeds. */
export interface Examination {
  readonly check: PasswordCheck;
  readonly user: UserOptions | undefined;
}

export interface AuthenticatorOptions {
  readonly passwords: PasswordBook;
  readonly rules: AccessRules | undefined;
  readonly authQuery: AuthQuery | undefined;
  readonly channelBinding: Buffer | undefined;
}

/** Decides how a client has to prove who it is. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Throws a `WireError`, now or as a rejection, when the client is not even asked. */
  examine(visitor: Visitor): Examination | Promise<Examination> {
    const { passwords, rules, authQuery } = this.#options;
    const method = rules === undefined ? 'user' : rules.methodFor(visitor);
    if (method === undefined || method === 'reject') throw refusal(visitor, method);
    const channelBinding = visitor.isEncrypted ? this.#options.channelBinding : undefined;
    const auth = method === 'user' ? {} : { auth: method };
    const examine = (user: UserOptions | undefined): Examination => ({
      user,
      check: passwords.check({ name: visitor.user, user, ...auth, channelBinding }),
    });
    const user = passwords.user(visitor.user);
    if (user !== undefined || authQuery === undefined) return examine(user);
    return authQuery.find(visitor.user).then((found) => examine(found));
  }
}

function refusal({ address, user, database, isEncrypted }: Visitor, method: 'reject' | undefined): WireError {
  const who = `host "${address}", user "${user}", database "${database}", ${isEncrypted ? 'SSL encryption' : 'no encryption'}`;
  const message = method === 'reject' ? `a rule (hba) rejects ${who}` : `no rule (hba) for ${who}`;
  return new WireError(sqlstates.invalidAuthorizationSpecification, message);
}
