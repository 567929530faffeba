import {
  authorizationV1,
  authorizationV4,
  bodyHash,
  type SignedRequest,
  signV1,
  signV4,
} from '@sampan/sls-wire';
import { createFakeClock } from '@sampan/testkit';
import { describe, expect, it } from 'vitest';
import { createAuthenticator } from './authenticate.ts';

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const body = Buffer.from('{}');

function authenticator(mode: 'strict' | 'any' = 'strict') {
  return createAuthenticator({
    mode,
    accessKeys: [{ id: 'ak', secret: 'sk' }],
    clock: createFakeClock(nowMs),
  });
}

function request(headers: Record<string, string>): SignedRequest {
  return { method: 'POST', path: '/logstores', query: [['a', '1']], headers };
}

/** A request signed the V1 way; `change` alters it afterwards. */
function v1(change: Record<string, string | undefined> = {}, secret = 'sk', id = 'ak'): SignedRequest {
  const headers = {
    date: new Date(nowMs).toUTCString(),
    'x-log-apiversion': '0.6.0',
    'x-log-signaturemethod': 'hmac-sha1',
  };
  const signature = signV1(request(headers), { secret, digest: 'sha1' });
  const changed: Record<string, string | undefined> = {
    ...headers,
    authorization: authorizationV1(id, signature),
    ...change,
  };
  return { ...request({}), headers: changed };
}

function v4(change: Record<string, string | undefined> = {}): SignedRequest {
  const headers = { 'x-log-date': '20260102T030405Z', 'x-log-apiversion': '0.6.0', host: 'p.sls.local' };
  const scope = { date: '20260102', region: 'cn-hangzhou' };
  const signature = signV4(request(headers), { secret: 'sk', scope, sha256: bodyHash(body) });
  return {
    ...request({}),
    headers: { ...headers, authorization: authorizationV4('ak', scope, signature), ...change },
  };
}

describe('strict authentication', () => {
  it('lets both signature versions pass', () => {
    expect(() => authenticator().check(v1(), body)).not.toThrow();
    expect(() => authenticator().check(v4(), body)).not.toThrow();
  });

  it.each<[string, SignedRequest, number, string, string | RegExp]>([
    [
      'no header',
      v1({ authorization: undefined }),
      400,
      'ParameterInvalid',
      'need authorization in header to authenticate',
    ],
    [
      'another scheme',
      v1({ authorization: 'Basic YTpi' }),
      400,
      'ParameterInvalid',
      'http extend authorization : Basic YTpi pair is invalid',
    ],
    ['an unknown key', v1({}, 'sk', 'nobody'), 401, 'Unauthorized', 'AccessKeyId not found: nobody'],
    ['no key', v1({ authorization: 'LOG :abc' }), 400, 'MissAccessKeyId', /AccessKeyId/],
    ['another secret', v1({}, 'wrong'), 401, 'SignatureNotMatch', /^signature \S+ not match$/],
    ['no date', v1({ date: undefined }), 400, 'MissingDate', /Date/],
    ['a date that is none', v1({ date: 'yesterday' }), 400, 'InvalidDateFormat', /yesterday/],
    ['no API version', v1({ 'x-log-apiversion': undefined }), 400, 'MissingAPIVersion', /x-log-apiversion/],
    [
      'no signature method',
      v1({ 'x-log-signaturemethod': undefined }),
      400,
      'MissingSignatureMethod',
      /x-log-signaturemethod/,
    ],
    [
      'an unknown signature method',
      v1({ 'x-log-signaturemethod': 'md5' }),
      400,
      'InvalidSignatureMethod',
      /md5/,
    ],
    ['a V4 date that is none', v4({ 'x-log-date': '2026-01-02' }), 400, 'InvalidDateFormat', /2026-01-02/],
    [
      'a changed V4 header',
      v4({ 'x-acs-new': '1' }),
      401,
      'SignatureNotMatch',
      /^signature [0-9a-f]{64} not match$/,
    ],
  ])('refuses %s', (_, sent, status, errorCode, errorMessage) => {
    expect(() => authenticator().check(sent, body)).toThrow(
      expect.objectContaining({
        status,
        errorCode,
        errorMessage: typeof errorMessage === 'string' ? errorMessage : expect.stringMatching(errorMessage),
      }),
    );
  });

  it('refuses a V1 request whose body is not the one of its signed Content-MD5', () => {
    const headers = {
      date: new Date(nowMs).toUTCString(),
      'x-log-apiversion': '0.6.0',
      'x-log-signaturemethod': 'hmac-sha1',
      // `printf '{}' | md5sum`
      'content-md5': '99914B932BD37A50B983C5E7C90AE93B',
    };
    const signature = signV1(request(headers), { secret: 'sk', digest: 'sha1' });
    const signed = request({ ...headers, authorization: authorizationV1('ak', signature) });
    expect(() => authenticator().check(signed, body)).not.toThrow();
    expect(() => authenticator().check(signed, Buffer.from('[]'))).toThrow(
      `signature ${signature} not match`,
    );
  });

  it('refuses a V4 request whose body was changed on the way', () => {
    expect(() => authenticator().check(v4(), Buffer.from('{ }'))).toThrow(
      expect.objectContaining({ errorCode: 'SignatureNotMatch' }),
    );
  });

  it.each([14 * 60_000, -14 * 60_000, 16 * 60_000, -16 * 60_000])(
    'tolerates a clock that is off by up to 15 minutes (%d ms)',
    (skewMs) => {
      const clock = createFakeClock(nowMs + skewMs);
      const late = createAuthenticator({ mode: 'strict', accessKeys: [{ id: 'ak', secret: 'sk' }], clock });
      for (const sent of [v1(), v4()]) {
        const check = (): void => late.check(sent, body);
        if (Math.abs(skewMs) < 15 * 60_000) expect(check).not.toThrow();
        else {
          expect(check).toThrow(expect.objectContaining({ status: 400, errorCode: 'RequestTimeExpired' }));
        }
      }
    },
  );
});

it('lets everything pass in the mode that accepts any', () => {
  expect(() => authenticator('any').check(request({}), body)).not.toThrow();
});
