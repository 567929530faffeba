export type { Log, LogGroup, LogValue } from './log-group.ts';
export { isSlsError, SlsError, slsErrors } from './sls-error.ts';
