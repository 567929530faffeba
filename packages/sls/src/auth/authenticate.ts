import { createHash } from 'node:crypto';
import type { Clock } from '@sampan/base';
import { bodyHash, isSignedWith, parseAuthorization, type SignedRequest, slsErrors } from '@sampan/sls-wire';

/** A pair that may sign requests. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

export interface AuthenticatorOptions {
  /** `any` lets every request pass, signed or not. */
  readonly mode: 'strict' | 'any';
  readonly accessKeys: readonly AccessKey[];
  readonly clock: Clock;
}

export interface Authenticator {
  /** Throws the vendor's error unless the request is signed with one of the keys, now. */
  check(request: SignedRequest, body: Uint8Array): void;
  secretOf(accessKeyId: string): string | undefined;
}

/** How far a request's time may be off, either way. */
const skewMsMax = 15 * 60 * 1000;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const secrets = new Map(options.accessKeys.map((key) => [key.id, key.secret]));

  function check(request: SignedRequest, body: Uint8Array): void {
    if (options.mode === 'any') return;
    const { headers } = request;
    const header = headers['authorization'];
    if (header === undefined || header === '') throw slsErrors.needAuthorization();
    const authorization = parseAuthorization(header);
    if (authorization === undefined) throw slsErrors.invalidAuthorization(header);
    if (authorization.accessKeyId === '') throw slsErrors.missAccessKeyId();
    if (headers['x-log-apiversion'] === undefined) throw slsErrors.missingApiVersion();
    if (authorization.version === 'v1') checkSignatureMethod(headers['x-log-signaturemethod']);
    const secret = secrets.get(authorization.accessKeyId);
    if (secret === undefined) throw slsErrors.accessKeyIdNotFound(authorization.accessKeyId);
    checkTime(authorization.version === 'v1' ? rfcDate(headers) : logDate(headers), options.clock.nowMs());
    const isBodySigned = authorization.version === 'v4' || isContentMd5Of(headers['content-md5'], body);
    if (!isBodySigned || !isSignedWith(secret, request, authorization, () => bodyHash(body))) {
      throw slsErrors.signatureNotMatch(authorization.signature);
    }
  }

  return { check, secretOf: (accessKeyId) => secrets.get(accessKeyId) };
}

/** V1 signs the digest of the body, not the body, so the two are compared. Some clients send no digest, or an empty one. */
function isContentMd5Of(digest: string | undefined, body: Uint8Array): boolean {
  if (digest === undefined || digest === '') return true;
  return createHash('md5').update(body).digest('hex') === digest.toLowerCase();
}

function checkSignatureMethod(method: string | undefined): void {
  if (method === undefined) throw slsErrors.missingSignatureMethod();
  if (method !== 'hmac-sha1' && method !== 'hmac-sha256') throw slsErrors.invalidSignatureMethod(method);
}

interface RequestTime {
  readonly text: string;
  readonly timeMs: number;
}

/** Time of a V1 request: RFC 1123. */
function rfcDate(headers: SignedRequest['headers']): RequestTime {
  const text = headers['date'] ?? headers['x-log-date'];
  if (text === undefined || text === '') throw slsErrors.missingDate();
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw slsErrors.invalidDateFormat(text);
  return { text, timeMs };
}

/** The time parsed last: requests of one second have the same. */
let lastLogDate: RequestTime = { text: '', timeMs: 0 };

/** Time of a V4 request: `YYYYMMDDTHHMMSSZ`. */
function logDate(headers: SignedRequest['headers']): RequestTime {
  const text = headers['x-log-date'];
  if (text === undefined || text === '') throw slsErrors.missingDate();
  if (text === lastLogDate.text) return lastLogDate;
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) throw slsErrors.invalidDateFormat(text);
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  lastLogDate = { text, timeMs: Date.UTC(year, month - 1, day, hour, minute, second) };
  return lastLogDate;
}

function checkTime(request: RequestTime, nowMs: number): void {
  if (Math.abs(request.timeMs - nowMs) <= skewMsMax) return;
  throw slsErrors.requestTimeExpired(request.text, new Date(nowMs).toUTCString());
}
