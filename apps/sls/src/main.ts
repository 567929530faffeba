import { createLog, exitCodeOf, messageOf, SampanError } from '@sampan/base';
import { type Sls, startSls } from '@sampan/sls';
import { type Flags, parseFlags, slsOptionsOf } from './flags.ts';

/** Standard output belongs to whoever started us: one JSON line per event, or a few lines for people. */
function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function announce(sls: Sls, flags: Flags): void {
  const { http, pg } = sls.listeners[0];
  const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);
  const httpUrl = `http://${urlHost(http.host)}:${http.port}`;
  const pgAddress = pg === undefined ? undefined : `${urlHost(pg.host)}:${pg.port}`;
  if (flags.json) {
    print(
      JSON.stringify({
        event: 'ready',
        http: httpUrl,
        pg: pgAddress,
        accessKeyId: sls.accessKey.id,
        accessKeySecret: sls.accessKey.secret,
      }),
    );
    return;
  }
  print(`SLS emulator   ${httpUrl}`);
  if (pgAddress !== undefined) print(`PostgreSQL     ${pgAddress}`);
  print(`access key     ${sls.accessKey.id}  ${sls.accessKey.secret}`);
  print(`data           ${flags.data}`);
}

/** Ends the process with the exit code of the error's family. */
function fail(error: unknown, isJson: boolean): never {
  const isCoded = error instanceof SampanError;
  if (isJson && isCoded) {
    print(JSON.stringify({ event: 'error', code: error.code, message: error.message, hint: error.hint }));
  }
  const text = isCoded
    ? `${error.code}: ${error.message}${error.hint === undefined ? '' : `\n  ${error.hint}`}`
    : ((error instanceof Error ? error.stack : undefined) ?? messageOf(error));
  process.stderr.write(`${text}\n`);
  process.exit(exitCodeOf(error));
}

/** A parent that vanished is seen by the parent id changing; there is no signal for it. */
function watchParent(gone: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    gone();
  }, 500);
  timer.unref();
}

async function main(): Promise<void> {
  const flags = parseFlags(process.argv);
  let isStopping = false;
  let sls: Sls | undefined;

  async function stop(exitCode: number): Promise<void> {
    // A second signal means that the user does not want to wait.
    if (isStopping) process.exit(130);
    isStopping = true;
    try {
      await sls?.stop();
    } catch (error) {
      fail(error, flags.json);
    }
    process.exit(exitCode);
  }

  process.on('SIGINT', () => void stop(0));
  process.on('SIGTERM', () => void stop(0));
  try {
    sls = await startSls({ ...slsOptionsOf(flags), log: createLog({ name: 'sls', level: flags.logLevel }) });
  } catch (error) {
    fail(error, flags.json);
  }
  if (flags.exitWithParent) watchParent(() => void stop(0));
  announce(sls, flags);
}

await main();
