import { PgError } from './pg-error.ts';
import { clientEncoding } from './settings.ts';

/**
 * The settings a session begins with, from the start-up packet. What the client asks for beyond the encoding and
 * its name is accepted and has no effect, as with SET.
 */
export function startupSettings(
  parameters: ReadonlyMap<string, string>,
  timeZone: string,
): Readonly<Record<string, string>> {
  const replication = parameters.get('replication');
  if (replication !== undefined && !/^(false|off|no|0)$/i.test(replication)) {
    throw new PgError('0A000', 'replication connections are not supported');
  }
  const encoding = parameters.get('client_encoding');
  return {
    application_name: (parameters.get('application_name') ?? '').slice(0, 63),
    client_encoding: encoding === undefined ? 'UTF8' : clientEncoding(encoding),
    session_authorization: parameters.get('user') ?? '',
    TimeZone: timeZone,
  };
}
