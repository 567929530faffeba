import type { SlsError } from '@sampan/sls-wire';

/** An answer before it is written. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const nothing = Buffer.alloc(0);

/**
 * Success without a body. It carries no content type: the npm client parses whatever is labelled JSON and
 * fails on an empty text.
 */
export const emptyReply: Reply = { status: 200, headers: {}, body: nothing };

/** Success with a JSON body. */
export function jsonReply(value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(value), 'utf8'),
  };
}

/** The vendor's error shape. */
export function errorReply(error: SlsError): Reply {
  const { status, errorCode, errorMessage } = error;
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ errorCode, errorMessage }), 'utf8'),
  };
}

/**
 * Text that may stand in a response header: control characters and everything beyond ASCII are escaped as
 * percent-encoded UTF-8. `undefined` when it is too long for the header limits of common clients.
 */
export function headerText(text: string): string | undefined {
  const safe = text.replace(/[^\x20-\x7e]+/gu, (part) => encodeURIComponent(part.toString()));
  return safe.length > 4096 ? undefined : safe;
}

/** JSON in ASCII only, for a header. */
export function headerJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
