import { createHash, X509Certificate } from 'node:crypto';

/** Signature algorithms whose hash is not SHA-256, as DER object identifiers (RFC 4055, RFC 5758). */
const longerHashes: readonly [string, string][] = [
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
];

/**
 * The `tls-server-end-point` binding (RFC 5929, section 4.1): the certificate's hash by the hash of its signature,
 * SHA-256 in place of MD5 and SHA-1.
 */
export function channelBindingOf(certificate: string): Buffer {
  const { raw } = new X509Certificate(certificate);
  const algorithm = signatureAlgorithmOf(raw);
  const hash = longerHashes.find(([id]) => id === algorithm)?.[1] ?? 'sha256';
  return createHash(hash).update(raw).digest();
}

/** Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID … } … } */
function signatureAlgorithmOf(der: Buffer): string {
  const certificate = elementAt(der, 0);
  const tbs = elementAt(der, certificate.start);
  const algorithm = elementAt(der, tbs.end);
  const identifier = elementAt(der, algorithm.start);
  return der.toString('hex', identifier.start, identifier.end);
}

/** Where the content of the DER element at `at` begins and ends. */
function elementAt(der: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = der[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const bytes = first & 0x7f;
  const start = at + 2 + bytes;
  return { start, end: start + der.readUIntBE(at + 2, bytes) };
}
