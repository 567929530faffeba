/** A self-signed server certificate in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes a P-256 certificate for `names` (DNS names or IP literals), valid for ten years. It takes a few
 * milliseconds; callers that persist data keep it so that clients which pin it stay happy.
 */
export async function createCertificate(names: readonly [string, ...string[]]): Promise<Certificate> {
  // Loaded on demand: the library costs more to import than the rest of this package.
  // Its default export, because a bundle keeps no other one of a CommonJS module that is loaded on demand.
  const { default: selfsigned } = await import('selfsigned');
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + 10);
  const made = await selfsigned.generate([{ name: 'commonName', value: names[0] }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false },
      {
        name: 'subjectAltName',
        altNames: names.map((name) =>
          /^[\d.]+$|:/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
        ),
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
