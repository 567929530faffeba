import { sqlstates, WireError } from '@sampan/pg-wire';
import type { Operation } from '../operation.ts';

type Run = (operation: Operation, argument: string | undefined) => void | Promise<void>;

export interface Command {
  readonly usage: string;
  /** Whether a database, or another argument, must, may or cannot be given. */
  readonly argument: 'required' | 'optional' | 'none';
  readonly run: Run;
}

const needed = (argument: string | undefined): string => argument ?? '';

function killClient(operation: Operation, argument: string | undefined): void {
  const id = Number(argument);
  if (!Number.isInteger(id)) throw new WireError(sqlstates.syntaxError, `invalid client id '${argument}'`);
  operation.killClient(id);
}

function shutdown(operation: Operation, argument: string | undefined): Promise<void> {
  const mode = argument?.toUpperCase();
  if (mode === undefined) return operation.shutdown('nobody');
  if (mode === 'WAIT_FOR_SERVERS') return operation.shutdown('servers');
  if (mode === 'WAIT_FOR_CLIENTS') return operation.shutdown('clients');
  throw new WireError(sqlstates.syntaxError, `invalid SHUTDOWN mode '${argument}'`);
}

/** PgBouncer's commands that change something. */
export const commands: Readonly<Record<string, Command>> = {
  DISABLE: {
    usage: 'DISABLE db',
    argument: 'required',
    run: (operation, database) => operation.disable(needed(database)),
  },
  ENABLE: {
    usage: 'ENABLE db',
    argument: 'required',
    run: (operation, database) => operation.enable(needed(database)),
  },
  KILL: {
    usage: 'KILL db',
    argument: 'required',
    run: (operation, database) => operation.kill(needed(database)),
  },
  KILL_CLIENT: { usage: 'KILL_CLIENT id', argument: 'required', run: killClient },
  PAUSE: {
    usage: 'PAUSE [db]',
    argument: 'optional',
    run: (operation, database) => operation.pause(database),
  },
  RECONNECT: {
    usage: 'RECONNECT [db]',
    argument: 'optional',
    run: (operation, database) => operation.reconnect(database),
  },
  RELOAD: { usage: 'RELOAD', argument: 'none', run: (operation) => operation.reload() },
  RESUME: {
    usage: 'RESUME [db]',
    argument: 'optional',
    run: (operation, database) => operation.resume(database),
  },
  SHUTDOWN: {
    usage: 'SHUTDOWN [WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS]',
    argument: 'optional',
    run: shutdown,
  },
  SUSPEND: {
    usage: 'SUSPEND',
    argument: 'none',
    run: () => {
      throw new WireError(sqlstates.featureNotSupported, 'SUSPEND is not supported; use PAUSE');
    },
  },
  WAIT_CLOSE: {
    usage: 'WAIT_CLOSE [db]',
    argument: 'optional',
    run: (operation, database) => operation.waitClose(database),
  },
};

/** The argument of a command, without its quotes; throws when one is missing or too much. */
export function argumentOf(command: Command, text: string): string | undefined {
  const quoted = /^"((?:[^"]|"")+)"$/.exec(text)?.[1]?.replaceAll('""', '"');
  const argument = quoted ?? (text === '' ? undefined : text);
  const isWrong =
    command.argument === 'none'
      ? argument !== undefined
      : command.argument === 'required' && argument === undefined;
  if (isWrong || (quoted === undefined && /\s/.test(text))) {
    throw new WireError(sqlstates.syntaxError, `invalid arguments, use ${command.usage}`);
  }
  return argument;
}
