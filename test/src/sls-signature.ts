import { createHash, createHmac } from 'node:crypto';

/** What is signed: everything that goes over the wire except the `Authorization` header itself. */
export interface UnsignedRequest {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `Authorization` of the first signature version (HMAC-SHA1 over the classic canonical text). */
export function signV1(request: UnsignedRequest, key: AccessKey): string {
  const headers = Object.entries(request.headers)
    .filter(([name]) => name.startsWith('x-log-') || name.startsWith('x-acs-'))
    .sort(byName)
    .map(([name, value]) => `${name}:${value.trim()}`);
  const pairs = Object.entries(request.query)
    .sort(byName)
    .map(([name, value]) => `${name}=${value}`);
  const text = [
    request.method,
    request.headers['content-md5'] ?? '',
    request.headers['content-type'] ?? '',
    request.headers['date'] ?? '',
    ...headers,
    request.path + (pairs.length > 0 ? `?${pairs.join('&')}` : ''),
  ].join('\n');
  return `LOG ${key.id}:${createHmac('sha1', key.secret).update(text).digest('base64')}`;
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** `Authorization` of the fourth signature version (`SLS4-HMAC-SHA256`). */
export function signV4(request: UnsignedRequest, key: AccessKey, region: string): string {
  const signed = Object.entries(request.headers)
    .filter(
      ([name]) =>
        name === 'content-type' ||
        name === 'host' ||
        (name.startsWith('x-log-') && !name.startsWith('x-log-meta-')) ||
        name.startsWith('x-acs-'),
    )
    .sort(byName);
  const query = Object.entries(request.query)
    .sort(byName)
    .map(([name, value]) => (value === '' ? name : `${name}=${encodeRfc3986(value)}`))
    .join('&');
  const canonical = [
    request.method,
    request.path,
    query,
    signed.map(([name, value]) => `${name}:${value.trim()}\n`).join(''),
    signed.map(([name]) => name).join(';'),
    createHash('sha256').update(request.body).digest('hex'),
  ].join('\n');
  const dateTime = request.headers['x-log-date'] ?? '';
  const date = dateTime.slice(0, 8);
  const scope = `${date}/${region}/sls/aliyun_v4_request`;
  const text = [
    'SLS4-HMAC-SHA256',
    dateTime,
    scope,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  let derived: Buffer = Buffer.from(`aliyun_v4${key.secret}`);
  for (const part of [date, region, 'sls', 'aliyun_v4_request']) {
    derived = createHmac('sha256', derived).update(part).digest();
  }
  const signature = createHmac('sha256', derived).update(text).digest('hex');
  return `SLS4-HMAC-SHA256 Credential=${key.id}/${scope},Signature=${signature}`;
}
