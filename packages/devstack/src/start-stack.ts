import type { Stack, StackOptions } from './stack.ts';

/**
 * Starts the local stack and resolves when programs can use it. Nothing is left running when it fails. Loaded on
 * demand: `sampan env` and `sampan exec` use this package too and should not pay for configuration and engines.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stack = await import('./stack.ts');
  return stack.startStack(options);
}
