import { createHmac } from 'node:crypto';
import { byText, decodePath, firstValues, type SignedRequest } from './signed-request.ts';

/** Digest of a V1 signature; the client names it in `x-log-signaturemethod`. */
export type V1Digest = 'sha1' | 'sha256';

/** Where the clients disagree about what they sign. The defaults are what most of them do. */
export interface V1Variant {
  /** Go signs the escaped path, the others the decoded one. */
  readonly isPathEscaped?: boolean;
  /** Python adds `x-log-date` after it has signed. */
  readonly isLogDateLeftOut?: boolean;
  /** The npm client sorts whole `name=value` texts, the others sort by name. */
  readonly isSortedByPair?: boolean;
}

/** The text that a V1 signature covers ("Request signatures" of the vendor's API reference). */
export function stringToSignV1(request: SignedRequest, variant: V1Variant = {}): string {
  const { headers } = request;
  const lines = [
    request.method,
    headers['content-md5'] ?? '',
    headers['content-type'] ?? '',
    headers['date'] ?? '',
    ...signedHeaderLines(headers, variant.isLogDateLeftOut === true),
  ];
  const path = variant.isPathEscaped === true ? request.path : decodePath(request.path);
  return `${lines.join('\n')}\n${path}${queryText(request.query, variant.isSortedByPair === true)}`;
}

/** Base64 signature of a V1 request. */
export function signV1(
  request: SignedRequest,
  options: { secret: string; digest: V1Digest; variant?: V1Variant },
): string {
  const text = stringToSignV1(request, options.variant);
  return createHmac(options.digest, options.secret).update(text, 'utf8').digest('base64');
}

/** Variants worth trying for this request, the most common first; those that change nothing are left out. */
export function v1Variants(request: SignedRequest): V1Variant[] {
  let variants: V1Variant[] = [{}];
  const double = (difference: V1Variant): void => {
    variants = variants.flatMap((variant) => [variant, { ...variant, ...difference }]);
  };
  if (request.headers['x-log-date'] !== undefined) double({ isLogDateLeftOut: true });
  if (request.path.includes('%')) double({ isPathEscaped: true });
  if (queryText(request.query, false) !== queryText(request.query, true)) double({ isSortedByPair: true });
  return variants;
}

function signedHeaderLines(headers: SignedRequest['headers'], isLogDateLeftOut: boolean): string[] {
  const lines: string[] = [];
  for (const name in headers) {
    if (!name.startsWith('x-log-') && !name.startsWith('x-acs-')) continue;
    if (name.startsWith('x-log-meta-') || (isLogDateLeftOut && name === 'x-log-date')) continue;
    lines.push(`${name}:${(headers[name] ?? '').trim()}`);
  }
  return lines.sort(byText);
}

function queryText(query: SignedRequest['query'], isSortedByPair: boolean): string {
  if (query.length === 0) return '';
  const first = firstValues(query);
  if (!isSortedByPair) first.sort((a, b) => byText(a[0], b[0]));
  const pairs = first.map(([name, value]) => `${name}=${value}`);
  return `?${(isSortedByPair ? pairs.sort(byText) : pairs).join('&')}`;
}
