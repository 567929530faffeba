import { BlockList, isIPv6 } from 'node:net';
import type { AccessRule } from '../options.ts';

/** A connection that asks to be let in. */
export interface Visitor {
  readonly user: string;
  readonly database: string;
  readonly address: string;
  readonly isEncrypted: boolean;
}

interface Compiled {
  readonly rule: AccessRule;
  readonly addresses: BlockList | undefined;
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');
const withoutMapping = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '');

/** Rules in the manner of `pg_hba.conf`: the first that agrees decides, and without one nobody is let in. */
export class AccessRules {
  readonly #rules: readonly Compiled[];

  constructor(rules: readonly AccessRule[]) {
    this.#rules = rules.map((rule) => ({ rule, addresses: subnetOf(rule.address) }));
  }

  /** The method of the first rule that agrees; `undefined` when none does. */
  methodFor(visitor: Visitor): AccessRule['method'] | undefined {
    return this.#rules.find((one) => agrees(one, visitor))?.rule.method;
  }
}

function agrees({ rule, addresses }: Compiled, visitor: Visitor): boolean {
  if (rule.type === 'hostssl' && !visitor.isEncrypted) return false;
  if (rule.type === 'hostnossl' && visitor.isEncrypted) return false;
  if (rule.databases !== undefined && !rule.databases.includes(visitor.database)) return false;
  if (rule.users !== undefined && !rule.users.includes(visitor.user)) return false;
  if (addresses === undefined) return true;
  const address = withoutMapping(visitor.address);
  return addresses.check(address, familyOf(address));
}

function subnetOf(text: string | undefined): BlockList | undefined {
  if (text === undefined) return undefined;
  const [address = '', bits] = text.split('/');
  const family = familyOf(address);
  const list = new BlockList();
  list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  return list;
}

/** Whether `text` is an address, alone or with a number of bits. */
export function isSubnet(text: string): boolean {
  try {
    return /^[\d.:a-f]+(?:\/\d+)?$/i.test(text) && subnetOf(text) !== undefined;
  } catch {
    return false;
  }
}
