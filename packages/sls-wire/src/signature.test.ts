import { describe, expect, it } from 'vitest';
import { authorizationV1, authorizationV4, isSignedWith, parseAuthorization } from './authorization.ts';
import { signV1 } from './signature-v1.ts';
import { bodyHash, signV4 } from './signature-v4.ts';
import type { SignedRequest } from './signed-request.ts';

function request(overrides: Partial<SignedRequest>): SignedRequest {
  return { method: 'GET', path: '/', query: [], headers: {}, ...overrides };
}

/** Vectors of the vendor's Go SDK. */
const v1Secret = '4fdO2fTDDnZPU/L7CHNdemB2Nsk=';
const v1Id = 'bq2sjzesjmo86kq35behupbq';
const listRequest = request({
  path: '/logstores',
  query: [
    ['logstoreName', ''],
    ['offset', '0'],
    ['size', '1000'],
  ],
  headers: {
    date: 'Mon, 09 Nov 2015 06:11:16 GMT',
    'x-log-apiversion': '0.6.0',
    'x-log-signaturemethod': 'hmac-sha1',
  },
});

describe('signature V1', () => {
  it('equals the vector of a request without a body', () => {
    expect(signV1(listRequest, { secret: v1Secret, digest: 'sha1' })).toBe('jEYOTCJs2e88o+y5F4/S5IsnBJQ=');
  });

  it('equals the vector of a request with a body', () => {
    const post = request({
      method: 'POST',
      path: '/logstores/test-logstore',
      headers: {
        'content-md5': '1DD45FA4A70A9300CC9FE7305AF2C494',
        'content-type': 'application/x-protobuf',
        date: 'Mon, 09 Nov 2015 06:03:03 GMT',
        'x-log-apiversion': '0.6.0',
        'x-log-bodyrawsize': '50',
        'x-log-compresstype': 'lz4',
        'x-log-signaturemethod': 'hmac-sha1',
        host: 'never-signed.example',
      },
    });
    expect(signV1(post, { secret: v1Secret, digest: 'sha1' })).toBe('XWLGYHGg2F2hcfxWxMLiNkGki6g=');
  });

  it('is accepted under the prefixes LOG and SLS and refused with another secret', () => {
    for (const prefix of ['LOG', 'SLS']) {
      const authorization = parseAuthorization(`${prefix} ${v1Id}:jEYOTCJs2e88o+y5F4/S5IsnBJQ=`);
      expect(authorization).toMatchObject({ version: 'v1', accessKeyId: v1Id });
      if (authorization === undefined) return;
      expect(isSignedWith(v1Secret, listRequest, authorization, () => '')).toBe(true);
      expect(isSignedWith('another', listRequest, authorization, () => '')).toBe(false);
    }
  });

  it('is accepted when x-log-date was added after signing, as the Python SDK does', () => {
    const signature = signV1(listRequest, { secret: v1Secret, digest: 'sha1' });
    const sent = {
      ...listRequest,
      headers: { ...listRequest.headers, 'x-log-date': 'Mon, 09 Nov 2015 06:11:16 GMT' },
    };
    expect(isV1(sent, signature)).toBe(true);
  });

  it('is accepted over the escaped path (Go) and over the decoded one (Python, Java, Node)', () => {
    const sent = { ...listRequest, path: '/logstores/a%20b' };
    const decoded = signV1({ ...listRequest, path: '/logstores/a b' }, { secret: v1Secret, digest: 'sha1' });
    const escaped = signV1(sent, { secret: v1Secret, digest: 'sha1', variant: { isPathEscaped: true } });
    expect(decoded).not.toBe(escaped);
    expect(isV1(sent, decoded)).toBe(true);
    expect(isV1(sent, escaped)).toBe(true);
  });

  it('is accepted whether parameters were sorted by name or as whole pairs', () => {
    // "a-b=1" sorts before "a=2" as a pair and after it by name.
    const sent = {
      ...listRequest,
      query: [
        ['a-b', '1'],
        ['a', '2'],
      ] as const,
    };
    const byPair = signV1(sent, { secret: v1Secret, digest: 'sha1', variant: { isSortedByPair: true } });
    const byName = signV1(sent, { secret: v1Secret, digest: 'sha1' });
    expect(byPair).not.toBe(byName);
    expect(isV1(sent, byPair)).toBe(true);
    expect(isV1(sent, byName)).toBe(true);
  });

  it('is accepted with SHA-256 when the client names that digest', () => {
    const sent = {
      ...listRequest,
      headers: { ...listRequest.headers, 'x-log-signaturemethod': 'hmac-sha256' },
    };
    expect(isV1(sent, signV1(sent, { secret: v1Secret, digest: 'sha256' }))).toBe(true);
    expect(isV1(sent, signV1(sent, { secret: v1Secret, digest: 'sha1' }))).toBe(false);
  });
});

function isV1(sent: SignedRequest, signature: string): boolean {
  const authorization = parseAuthorization(authorizationV1(v1Id, signature));
  return authorization !== undefined && isSignedWith(v1Secret, sent, authorization, () => '');
}

describe('signature V4', () => {
  const secret = 'zxasdasdasw2';
  const sha256 = bodyHash(Buffer.from('adasd= -asd zcas'));
  const post = request({
    method: 'POST',
    path: '/logstores',
    // Every V4 client sends these two.
    headers: { 'x-log-date': '20220808T032330Z', 'x-log-content-sha256': sha256 },
  });

  it('equals the vector without parameters', () => {
    const scope = { date: '20220808', region: 'cn-shanghai' };
    expect(signV4(post, { secret, scope, sha256 })).toBe(
      '8a10a5e723cb2e75964816de660b2c16a58af8bc0261f7f0722d832468c76ce8',
    );
  });

  it('equals the vector with headers and parameters that need care', () => {
    const scope = { date: '20220808', region: 'cn-hangzhou' };
    const sent = {
      ...post,
      headers: { ...post.headers, 'x-log-test': 'het123', 'x-acs-ppp': 'dds' },
      query: [
        [' abc', 'efg'],
        [' agc ', ''],
        ['', 'efg'],
        ['A-bc', 'eFg'],
      ] as const,
    };
    expect(signV4(sent, { secret, scope, sha256 })).toBe(
      'a98f5632e93836e63839cd836a54055f480020a9364ca944e2d34f2eb9bf1bed',
    );
  });

  it('covers the host as sent and is also accepted when the client signed it without the port', () => {
    const scope = { date: '20220808', region: 'cn-hangzhou' };
    const sent = { ...post, headers: { ...post.headers, host: 'p.sls.local:15080' } };
    const bare = { ...post, headers: { ...post.headers, host: 'p.sls.local' } };
    for (const form of [sent, bare]) {
      const authorization = parseAuthorization(
        authorizationV4('ak', scope, signV4(form, { secret, scope, sha256 })),
      );
      expect(authorization).toMatchObject({ version: 'v4', accessKeyId: 'ak', scope });
      if (authorization !== undefined)
        expect(isSignedWith(secret, sent, authorization, () => sha256)).toBe(true);
    }
  });

  it('is refused when body, header, parameter or secret differ', () => {
    const scope = { date: '20220808', region: 'cn-hangzhou' };
    const sent = { ...post, headers: { ...post.headers, host: 'p.sls.local' } };
    const authorization = parseAuthorization(
      authorizationV4('ak', scope, signV4(sent, { secret, scope, sha256 })),
    );
    if (authorization === undefined) throw new Error('the header did not parse');
    expect(isSignedWith(secret, sent, authorization, () => sha256)).toBe(true);
    expect(isSignedWith('other', sent, authorization, () => sha256)).toBe(false);
    expect(isSignedWith(secret, sent, authorization, () => bodyHash(Buffer.from('x')))).toBe(false);
    expect(isSignedWith(secret, { ...sent, query: [['a', '']] }, authorization, () => sha256)).toBe(false);
    const header = { ...sent, headers: { ...sent.headers, 'x-acs-new': '1' } };
    expect(isSignedWith(secret, header, authorization, () => sha256)).toBe(false);
  });

  it('leaves x-log-meta headers out', () => {
    const scope = { date: '20220808', region: 'cn-hangzhou' };
    const meta = { ...post, headers: { ...post.headers, 'x-log-meta-a': '1' } };
    expect(signV4(meta, { secret, scope, sha256 })).toBe(signV4(post, { secret, scope, sha256 }));
  });
});

it.each(['', 'LOG', 'LOG nocolon', 'Basic YTpi', 'SLS4-HMAC-SHA256 Credential=a/b,Signature=c', 'LOG a:b c'])(
  'does not take %j for an authorization',
  (value) => expect(parseAuthorization(value)).toBeUndefined(),
);
