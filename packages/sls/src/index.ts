export type { AccessKey } from './auth/authenticate.ts';
export type { Catalog } from './catalog/catalog.ts';
export type { IndexConfig } from './catalog/index-config.ts';
export { slsEmulatorErrors } from './errors.ts';
export type { Fault, FaultInjection, FaultRule } from './faults/faults.ts';
export type { Address, Listener, PartialListener } from './listeners.ts';
export type { ExtraListener, ListenOptions, SlsOptions } from './options.ts';
export { type Sls, startSls } from './sls.ts';
