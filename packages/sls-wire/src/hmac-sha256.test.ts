import { expect, it } from 'vitest';
import { createHmacSha256 } from './hmac-sha256.ts';

/** RFC 4231, sections 4.2, 4.3, 4.7 and 4.8. */
it.each([
  ['0b'.repeat(20), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    Buffer.from('Jefe').toString('hex'),
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'aa'.repeat(131),
    'Test Using Larger Than Block-Size Key - Hash Key First',
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    'aa'.repeat(131),
    'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
])('the digest under key %s equals the vector of RFC 4231', (key, text, expected) => {
  const digest = createHmacSha256(Buffer.from(key, 'hex'));
  expect(digest(text)).toBe(expected);
  expect(digest('x'.repeat(2000))).not.toBe(expected);
  expect(digest(text)).toBe(expected);
});
