import type { LogLevel } from '@sampan/base';
import type { SlsOptions } from '@sampan/sls';
import { Command, InvalidArgumentError, Option } from 'commander';

/** The command line, parsed. */
export interface Flags {
  readonly port: number;
  /** `false` = no PostgreSQL protocol (`--no-pg`). */
  readonly pg: boolean;
  readonly pgPort: number;
  readonly host: string;
  readonly data: string;
  readonly json: boolean;
  readonly auth: 'strict' | 'any';
  readonly accessKeyId?: string;
  readonly accessKeySecret?: string;
  readonly region: string;
  readonly baseDomain: readonly string[];
  readonly defaultProject?: string;
  readonly timeZone: string;
  readonly rebuildIndex: boolean;
  readonly logLevel: LogLevel;
  readonly exitWithParent: boolean;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError('A port is a whole number from 0 to 65535; 0 picks a free one.');
  }
  return value;
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Parses the command line; a mistake in it is printed with the usage and ends the process with 2. */
export function parseFlags(argv: readonly string[]): Flags {
  const command = new Command('sls')
    .description(
      'Starts the SLS emulator: the log API over HTTP, and logstores over the PostgreSQL protocol.',
    )
    .option('--port <port>', 'HTTP port', port, 15_080)
    .option('--pg-port <port>', 'PostgreSQL port', port, 15_433)
    .option('--no-pg', 'leave the PostgreSQL protocol out')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--data <directory>', 'where everything is kept', '.sampan/sls')
    .option('--rebuild-index', 'throw the index away and build it from the log', false)
    .option('--json', 'print events as JSON lines', false)
    .addOption(
      new Option('--auth <mode>', 'check every signature, or let any request pass')
        .choices(['strict', 'any'])
        .default('strict'),
    )
    .addOption(
      new Option('--access-key-id <id>', 'default: made on first start').env('SAMPAN_SLS_ACCESS_KEY_ID'),
    )
    .addOption(
      new Option('--access-key-secret <secret>', 'default: made on first start').env(
        'SAMPAN_SLS_ACCESS_KEY_SECRET',
      ),
    )
    .option('--region <name>', 'region to report', 'cn-hangzhou')
    .option('--base-domain <name>', 'a name of this server (may repeat)', append, [])
    .option('--default-project <name>', 'project of requests that name none')
    .option('--time-zone <name>', 'zone of SQL date functions', 'UTC')
    .addOption(
      new Option('--log-level <level>', 'what goes to standard error')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    )
    .option('--exit-with-parent', 'stop when the process that started this one is gone', false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  command.parse([...argv]);
  const flags = command.opts<Flags>();
  if ((flags.accessKeyId === undefined) !== (flags.accessKeySecret === undefined)) {
    command.error('error: --access-key-id and --access-key-secret go together');
  }
  return flags;
}

/** The library's options for these flags. */
export function slsOptionsOf(flags: Flags): SlsOptions {
  const { host, accessKeyId: id, accessKeySecret: secret, defaultProject } = flags;
  return {
    dataDirectory: flags.data,
    http: { host, port: flags.port },
    pg: flags.pg ? { host, port: flags.pgPort } : false,
    auth: flags.auth,
    region: flags.region,
    baseDomains: flags.baseDomain,
    timeZone: flags.timeZone,
    rebuildIndex: flags.rebuildIndex,
    ...(id === undefined || secret === undefined ? {} : { accessKeys: [{ id, secret }] }),
    ...(defaultProject === undefined ? {} : { defaultProject }),
  };
}
