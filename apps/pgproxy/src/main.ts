import { readFile } from 'node:fs/promises';
import { createLog, exitCodeOf, messageOf, SampanError } from '@sampan/base';
import { type PgProxy, type PgProxyOptions, pgproxyErrors, startPgProxy } from '@sampan/pgproxy';
import { Command } from 'commander';

interface Flags {
  readonly config: string;
  readonly json?: true;
  readonly logLevel: 'info' | 'warn' | 'error' | 'debug' | 'silent';
}

async function readOptions(path: string): Promise<PgProxyOptions> {
  try {
    // The library checks what it is given; here it only has to be JSON.
    return JSON.parse(await readFile(path, 'utf8')) as PgProxyOptions;
  } catch (error) {
    throw pgproxyErrors.create('PGPROXY_CONFIG_UNREADABLE', {
      message: `cannot read the proxy's options from ${path}: ${messageOf(error)}`,
      hint: 'Give --config the path of a JSON file; docs/pgproxy.md lists its fields.',
      cause: error,
    });
  }
}

function announce(proxy: PgProxy, json: boolean): void {
  const ready = {
    event: 'ready',
    host: proxy.host,
    port: proxy.port,
    components: proxy.componentPorts,
    ...(proxy.metricsPort === undefined ? {} : { metricsPort: proxy.metricsPort }),
    pid: process.pid,
  };
  const ports = Object.entries(proxy.componentPorts).map(([name, port]) => `, ${name} ${port}`);
  const text = `pgproxy listens on ${proxy.host}:${proxy.port}${ports.join('')}`;
  process.stdout.write(`${json ? JSON.stringify(ready) : text}\n`);
}

function report(error: unknown, json: boolean): void {
  const isCoded = error instanceof SampanError;
  if (json && isCoded) {
    const { code, message, hint } = error;
    process.stderr.write(`${JSON.stringify({ event: 'error', code, message, hint })}\n`);
    return;
  }
  const hint = isCoded && error.hint !== undefined ? `\n${error.hint}` : '';
  const text = isCoded
    ? `${error.code}: ${error.message}${hint}`
    : error instanceof Error
      ? error.stack
      : String(error);
  process.stderr.write(`${text}\n`);
}

async function run(flags: Flags): Promise<void> {
  const json = flags.json === true;
  try {
    const log = createLog({ name: 'pgproxy', level: flags.logLevel });
    const again = (): Promise<PgProxyOptions> => readOptions(flags.config);
    const proxy = await startPgProxy(await again(), { log, readOptions: again, shutdown: () => stop() });
    let isStopping = false;
    const stop = (): void => {
      if (isStopping) return;
      isStopping = true;
      proxy.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          report(error, json);
          process.exit(exitCodeOf(error));
        },
      );
    };
    const reload = (): void => {
      again()
        .then((options) => proxy.reload(options))
        .catch((error: unknown) => report(error, json));
    };
    process.on('SIGHUP', reload);
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    announce(proxy, json);
  } catch (error) {
    report(error, json);
    process.exit(exitCodeOf(error));
  }
}

await new Command('pgproxy')
  .description('A PostgreSQL connection pool with a guaranteed share per component')
  .requiredOption('--config <file>', 'JSON file with the options (docs/pgproxy.md)')
  .option('--json', 'machine-readable lines: the first on standard output says that the proxy is ready')
  .option('--log-level <level>', 'debug, info, warn, error or silent; goes to standard error', 'warn')
  .action(run)
  .parseAsync();
