export type { Addresses, ComponentAddress, DedicatedAddress, Endpoint, SlsAddress } from './addresses.ts';
export {
  type EnvironmentFormat,
  environmentFormats,
  environmentOf,
  formatEnvironment,
} from './env.ts';
export { devstackErrors } from './errors.ts';
export { type ExecOptions, execProgram } from './exec.ts';
export { checkHealth, type Health } from './health.ts';
export { watchParent } from './parent-watch.ts';
export { resetStack } from './reset.ts';
export { createRollingFile, type RollingFile } from './rolling-file.ts';
export type { Stack, StackEvent, StackOptions } from './stack.ts';
export { startStack } from './start-stack.ts';
export { readStackState, requireStackState, type StackState } from './state.ts';
