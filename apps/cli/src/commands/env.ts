import {
  type EnvironmentFormat,
  environmentOf,
  formatEnvironment,
  requireStackState,
} from '@sampan/devstack';

/** Prints the variables of one component. */
export async function env(options: {
  readonly directory: string;
  readonly component: string;
  readonly format: EnvironmentFormat;
}): Promise<number> {
  const { addresses } = await requireStackState(options.directory);
  process.stdout.write(formatEnvironment(environmentOf(addresses, options.component), options.format));
  return 0;
}
