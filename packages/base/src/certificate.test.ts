import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { expect, it } from 'vitest';
import { createCertificate } from './certificate.ts';

it('makes a certificate that OpenSSL accepts with its key, for names and addresses', async () => {
  const made = await createCertificate(['localhost', '127.0.0.1', '::1']);
  const parsed = new X509Certificate(made.cert);
  expect(parsed.checkHost('localhost')).toBe('localhost');
  expect(parsed.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(parsed.checkIP('::1')).toBe('::1');
  expect(Date.parse(parsed.validTo) - Date.now()).toBeGreaterThan(9 * 365 * 86_400_000);
  expect(() => createSecureContext({ cert: made.cert, key: made.key })).not.toThrow();
});
