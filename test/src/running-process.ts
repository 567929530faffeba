import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ProcessOptions {
  /** Command and arguments. */
  readonly command: readonly string[];
  readonly cwd?: string;
  /** The whole environment of the process; default: that of the test. */
  readonly environment?: NodeJS.ProcessEnv;
  /** How long the process may take to print its ready line. */
  readonly readyTimeoutMs?: number;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process in a process group of its own, with its output recorded. */
export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  /** Settles when the process has ended; never rejects. */
  readonly ended: Promise<Ending>;
  stdout(): string;
  stderr(): string;
  /** Signals the process alone. */
  signal(name: NodeJS.Signals): void;
  /** Signals the process and everything it started in its group. */
  signalGroup(name: NodeJS.Signals): void;
  /** Asks the group to end, insists after ten seconds, and returns how the process ended. */
  stop(): Promise<Ending>;
}

/** A process that has printed a JSON line with `"event":"ready"`. */
export interface ReadyProcess extends RunningProcess {
  /** The ready line. */
  readonly ready: Readonly<Record<string, unknown>>;
}

/** The end of a long text, for messages. */
function tailOf(text: string): string {
  return text.length > 4000 ? `…${text.slice(-4000)}` : text;
}

/** What a process has printed so far, as part of a failure message. */
export function outputOf(process: Pick<RunningProcess, 'stdout' | 'stderr'>): string {
  return `--- stdout\n${tailOf(process.stdout())}\n--- stderr\n${tailOf(process.stderr())}`;
}

/** Starts a process in its own group. */
export function startProcess(options: ProcessOptions): RunningProcess & { readonly child: ChildProcess } {
  const [file, ...parameters] = options.command;
  if (file === undefined) throw new Error('an empty command cannot be started');
  const child = spawn(file, parameters, {
    cwd: options.cwd,
    env: options.environment ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid;
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      output.stderr += `${error.message}\n`;
      resolve({ code: null, signal: null });
    });
  });
  if (pid === undefined) throw new Error(`${file} could not be started`);

  const running = {
    child,
    pid,
    ended,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    signalGroup(name: NodeJS.Signals) {
      try {
        process.kill(-pid, name);
      } catch {
        // The whole group has already ended.
      }
    },
    async stop() {
      running.signalGroup('SIGTERM');
      const insist = setTimeout(() => running.signalGroup('SIGKILL'), 10_000);
      const ending = await ended;
      clearTimeout(insist);
      running.signalGroup('SIGKILL');
      return ending;
    },
    [Symbol.asyncDispose]: async () => void (await running.stop()),
  };
  return running;
}

/** Starts a process and waits for the JSON line on its standard output that says it is ready. */
export async function startUntilReady(options: ProcessOptions): Promise<ReadyProcess> {
  const running = startProcess(options);
  const timeoutMs = options.readyTimeoutMs ?? 60_000;
  const what = options.command.join(' ');
  const { stdout } = running.child;
  if (stdout === null) throw new Error(`${what} has no standard output`);

  let timer: NodeJS.Timeout | undefined;
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (line) => {
      const event = jsonObjectOf(line);
      if (event?.['event'] === 'ready') resolve(event);
    });
    timer = setTimeout(
      () => reject(new Error(`${what} was not ready after ${timeoutMs} ms\n${outputOf(running)}`)),
      timeoutMs,
    );
    void running.ended.then(({ code, signal }) =>
      reject(new Error(`${what} ended (${code ?? signal}) before it was ready\n${outputOf(running)}`)),
    );
  });
  try {
    return Object.assign(running, { ready: await ready });
  } catch (error) {
    await running.stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a process to its end. */
export async function runProcess(
  options: ProcessOptions & { readonly timeoutMs?: number },
): Promise<Ending & { readonly stdout: string; readonly stderr: string }> {
  const running = startProcess(options);
  const timeoutMs = options.timeoutMs ?? 60_000;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void running.stop();
  }, timeoutMs);
  const ending = await running.ended;
  clearTimeout(timer);
  if (isLate) {
    throw new Error(`${options.command.join(' ')} did not end within ${timeoutMs} ms\n${outputOf(running)}`);
  }
  return { ...ending, stdout: running.stdout(), stderr: running.stderr() };
}

/** The object of a JSON line, or `undefined` when the line is something else. */
function jsonObjectOf(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The objects that a program has printed, one a line; other lines are passed over. */
export function jsonLinesOf(text: string): Record<string, unknown>[] {
  const objects: Record<string, unknown>[] = [];
  for (const line of text.split('\n')) {
    const object = jsonObjectOf(line);
    if (object !== undefined) objects.push(object);
  }
  return objects;
}
