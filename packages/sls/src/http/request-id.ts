import { randomBytes } from 'node:crypto';

/** Makes request ids of the vendor's form, 24 upper-case hex digits: random per process, then a counter. */
export function createRequestIds(): () => string {
  const prefix = randomBytes(8).toString('hex').toUpperCase();
  let count = randomBytes(4).readUInt32BE();
  return () => {
    count = (count + 1) >>> 0;
    return prefix + count.toString(16).toUpperCase().padStart(8, '0');
  };
}
