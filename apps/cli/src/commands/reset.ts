import { resetStack } from '@sampan/devstack';

/** Removes the data of a stopped stack and says what. */
export async function reset(options: { readonly directory: string }): Promise<number> {
  const removed = await resetStack(options.directory);
  process.stdout.write(
    removed.length === 0
      ? `there is nothing to remove in ${options.directory}\n`
      : `removed\n${removed.map((path) => `  ${path}\n`).join('')}`,
  );
  return 0;
}
