import { defaultConfig, planOf } from '@sampan/config';
import { type Addresses, addressesOf, type DedicatedAddress, type SlsAddress } from './addresses.ts';

/** Addresses of a stack with default options, as tests need them. */
export function sampleAddresses(
  options: { httpPort?: number; dedicated?: DedicatedAddress; sls?: boolean } = {},
): Addresses & { readonly sls: SlsAddress } {
  const config = defaultConfig({
    sls: { httpPort: options.httpPort ?? 15_080, enabled: options.sls ?? true },
  });
  const secrets = { postgresPassword: 'pw', accessKeyId: 'LTAI5tTest', accessKeySecret: 'testSecret' };
  return addressesOf({ config, plan: planOf(config) }, secrets, options.dedicated) as Addresses & {
    sls: SlsAddress;
  };
}
