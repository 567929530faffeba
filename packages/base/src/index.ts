export { type Certificate, createCertificate } from './certificate.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export {
  defineErrors,
  type ErrorDetail,
  type ErrorFamily,
  type ErrorSpec,
  type ErrorTable,
  exitCodeOf,
  messageOf,
  SampanError,
  systemCodeOf,
} from './errors.ts';
export { findFreePorts } from './free-ports.ts';
export { createLifecycle, type Lifecycle, type Stoppable } from './lifecycle.ts';
export { createLog, type Log, type LogLevel, type LogOptions, silentLog } from './log.ts';
export { commandLineOf, isAlive, parentOf, startMarkOf, workingFolderOf } from './process-identity.ts';
export { startWorker } from './worker-entry.ts';
