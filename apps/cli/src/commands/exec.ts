import { execProgram, requireStackState } from '@sampan/devstack';

/** Runs a program with the stack's environment and returns its exit code. */
export async function exec(
  command: [string, ...string[]],
  options: { readonly directory: string; readonly component: string },
): Promise<number> {
  const { addresses } = await requireStackState(options.directory);
  return execProgram({ command, addresses, component: options.component });
}
