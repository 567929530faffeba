import { hash } from 'node:crypto';
import { createHmacSha256, type HmacSha256 } from './hmac-sha256.ts';
import { byText, firstValues, type SignedRequest } from './signed-request.ts';

/** Scope of a V4 signature: whatever the client was told. */
export interface V4Scope {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
}

/** Lower-case hex SHA-256 of a body. */
export function bodyHash(body: Uint8Array): string {
  return hash('sha256', body, 'hex');
}

/** The canonical request: method, path, query, headers, header names, body hash. */
export function canonicalRequestV4(request: SignedRequest, sha256: string): string {
  const { headers } = request;
  const names: string[] = [];
  for (const name in headers) if (isSigned(name) && headers[name] !== undefined) names.push(name);
  names.sort(byText);
  let lines = '';
  for (const name of names) lines += `${name}:${(headers[name] ?? '').trim()}\n`;
  return `${request.method}\n${request.path}\n${queryText(request.query)}\n${lines}\n${names.join(';')}\n${sha256}`;
}

/** Hex signature of a V4 request. */
export function signV4(
  request: SignedRequest,
  options: { secret: string; scope: V4Scope; sha256: string },
): string {
  const { secret, scope, sha256 } = options;
  const canonical = hash('sha256', canonicalRequestV4(request, sha256), 'hex');
  const text = `SLS4-HMAC-SHA256\n${request.headers['x-log-date'] ?? ''}\n${scopeText(scope)}\n${canonical}`;
  return signingKey(secret, scope)(text);
}

/** The scope as it stands in `Credential=` and in the string to sign. */
export function scopeText(scope: V4Scope): string {
  return `${scope.date}/${scope.region}/sls/aliyun_v4_request`;
}

/** Signing keys change once a day and region; four HMACs per request would be a third of the check. */
const signingKeysMax = 64;
const signingKeys = new Map<string, HmacSha256>();

function signingKey(secret: string, scope: V4Scope): HmacSha256 {
  const name = `${secret}\n${scopeText(scope)}`;
  const known = signingKeys.get(name);
  if (known !== undefined) return known;
  let key = Buffer.from(`aliyun_v4${secret}`, 'utf8');
  for (const part of [scope.date, scope.region, 'sls', 'aliyun_v4_request']) {
    key = Buffer.from(createHmacSha256(key)(part), 'hex');
  }
  const signer = createHmacSha256(key);
  if (signingKeys.size >= signingKeysMax) signingKeys.clear();
  signingKeys.set(name, signer);
  return signer;
}

/** The list of signed headers is not transmitted; both sides derive it by this rule. */
function isSigned(name: string): boolean {
  if (name === 'content-type' || name === 'host' || name.startsWith('x-acs-')) return true;
  return name.startsWith('x-log-') && !name.startsWith('x-log-meta-');
}

/** Names stay as they are, values are percent-encoded, an empty value leaves the bare name. */
function queryText(query: SignedRequest['query']): string {
  if (query.length === 0) return '';
  return firstValues(query)
    .sort((a, b) => byText(a[0], b[0]))
    .map(([name, value]) => (value === '' ? name : `${name}=${encodeValue(value)}`))
    .join('&');
}

/** RFC 3986: everything but letters, digits and `-._~`. */
function encodeValue(value: string): string {
  return encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
