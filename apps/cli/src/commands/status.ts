import { checkHealth, requireStackState } from '@sampan/devstack';
import { renderAddresses } from '../render-stack.ts';
import { renderTable } from '../render-table.ts';

/** Prints what runs and whether it answers; 3 when something does not. */
export async function status(options: {
  readonly directory: string;
  readonly json?: boolean;
}): Promise<number> {
  const state = await requireStackState(options.directory);
  const health = await checkHealth(state.addresses);
  const exitCode = health.every(({ isAnswering }) => isAnswering) ? 0 : 3;
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ ...state, health })}\n`);
    return exitCode;
  }
  const rows = health.map(({ service, address, isAnswering }) => [
    service,
    address,
    isAnswering ? 'answers' : 'DOES NOT ANSWER',
  ]);
  process.stdout.write(
    `the stack of ${state.directory} runs since ${state.startedAt} (process ${state.pid}, backend ${state.backend})\n\n` +
      `${renderTable(rows)}\n\n${renderAddresses(state.addresses)}\n`,
  );
  return exitCode;
}
