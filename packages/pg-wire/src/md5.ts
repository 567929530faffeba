import { createHash } from 'node:crypto';

const md5 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/**
 * The answer to AuthenticationMD5Password: `md5` + md5(md5(password + user) + salt). `password` may also
 * be the stored form (`md5` and 32 hex digits), as in `pg_authid`.
 */
export function md5Password(user: string, password: string, salt: Uint8Array): string {
  const inner = /^md5[0-9a-f]{32}$/.test(password) ? password.slice(3) : md5(password, user);
  return `md5${md5(inner, salt)}`;
}
