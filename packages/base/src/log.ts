import { type DestinationStream, type Logger, pino } from 'pino';

/** The structured log. One JSON object per line; call as `log.info({ port }, 'listening')`. */
export type Log = Logger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Field names whose values never reach a log, at any depth up to three. */
const secretNames = [
  'password',
  'secret',
  'accessKeySecret',
  'signature',
  'authorization',
  'Authorization',
  'token',
  'securityToken',
  'parameters',
] as const;

const redactedPaths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

export interface LogOptions {
  readonly name: string;
  readonly level?: LogLevel;
  /** Where lines go; standard error when absent, because standard output belongs to the command. */
  readonly destination?: DestinationStream;
}

/** Creates a log that writes JSON lines and replaces secrets by `[redacted]`. */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level ?? 'info',
      redact: { paths: redactedPaths, censor: '[redacted]' },
      base: { name: options.name },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A log that drops everything; the default of embedded servers in tests. */
export const silentLog: Log = pino({ level: 'silent' });
