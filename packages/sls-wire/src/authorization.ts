import { timingSafeEqual } from 'node:crypto';
import { signV1, type V1Digest, v1Variants } from './signature-v1.ts';
import { scopeText, signV4, type V4Scope } from './signature-v4.ts';
import { decodePath, type SignedRequest } from './signed-request.ts';

/** A parsed `Authorization` header. */
export type Authorization =
  | { readonly version: 'v1'; readonly accessKeyId: string; readonly signature: string }
  | {
      readonly version: 'v4';
      readonly accessKeyId: string;
      readonly signature: string;
      readonly scope: V4Scope;
    };

/** Parses `LOG {id}:{signature}` (V1, also its old prefix `SLS`) and `SLS4-HMAC-SHA256 Credential=…` (V4). */
export function parseAuthorization(value: string): Authorization | undefined {
  const v1 = /^(?:LOG|SLS) ([^:\s]*):(\S+)$/.exec(value);
  if (v1 !== null) return { version: 'v1', accessKeyId: v1[1] ?? '', signature: v1[2] ?? '' };
  const v4 =
    /^SLS4-HMAC-SHA256 Credential=([^/\s]*)\/(\d{8})\/([^/\s]+)\/sls\/aliyun_v4_request,\s*Signature=(\S+)$/.exec(
      value,
    );
  if (v4 === null) return undefined;
  return {
    version: 'v4',
    accessKeyId: v4[1] ?? '',
    signature: v4[4] ?? '',
    scope: { date: v4[2] ?? '', region: v4[3] ?? '' },
  };
}

/** The `Authorization` header of a V1 request. */
export function authorizationV1(accessKeyId: string, signature: string): string {
  return `LOG ${accessKeyId}:${signature}`;
}

/** The `Authorization` header of a V4 request. */
export function authorizationV4(accessKeyId: string, scope: V4Scope, signature: string): string {
  return `SLS4-HMAC-SHA256 Credential=${accessKeyId}/${scopeText(scope)},Signature=${signature}`;
}

/**
 * True when the signature was made with `secret`. Clients differ in details of the canonical text, so each
 * form in use is tried, the most common first.
 *
 * @param sha256 hex SHA-256 of the body as sent; asked for only by V4
 */
export function isSignedWith(
  secret: string,
  request: SignedRequest,
  authorization: Authorization,
  sha256: () => string,
): boolean {
  const { signature } = authorization;
  if (authorization.version === 'v4') {
    const options = { secret, scope: authorization.scope, sha256: sha256() };
    for (const form of v4Forms(request)) if (isEqual(signV4(form, options), signature)) return true;
    return false;
  }
  const digest: V1Digest = request.headers['x-log-signaturemethod'] === 'hmac-sha256' ? 'sha256' : 'sha1';
  return v1Variants(request).some((variant) =>
    isEqual(signV1(request, { secret, digest, variant }), signature),
  );
}

/** The request as sent, then with the path decoded, then with the port left out of `Host`. */
function* v4Forms(request: SignedRequest): Generator<SignedRequest> {
  yield request;
  const path = decodePath(request.path);
  if (path !== request.path) yield { ...request, path };
  const host = request.headers['host'];
  const bare = host?.replace(/:\d+$/, '');
  if (bare !== undefined && bare !== host) yield { ...request, headers: { ...request.headers, host: bare } };
}

function isEqual(expected: string, given: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(given);
  return a.length === b.length && timingSafeEqual(a, b);
}
