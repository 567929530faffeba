import { randomBytes } from 'node:crypto';

/** Where the value of a secret comes from. */
export type SecretOrigin = 'generated' | 'stored' | 'given';

export interface SecretSlot {
  /** Name of the NoEcho parameter. */
  readonly name: string;
  readonly description: string;
  readonly origin: SecretOrigin;
  readonly kind: SecretKind;
}

/** password: what RDS and Redis accept, 8 to 32 letters and digits of all three classes. key: longer. */
export type SecretKind = 'password' | 'key' | 'external';

/** Source of random bytes. Tests inject one; everything else uses the operating system's. */
export type RandomSource = (bytes: number) => Uint8Array;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const lengths: Readonly<Record<SecretKind, number>> = { password: 24, key: 48, external: 48 };
/** `AllowedPattern` of Redis passwords in the vendor's template; RDS accepts these too. */
export const passwordPattern = '^(?=.*?[A-Z])(?=.*?[a-z])(?=.*?\\d)[A-Za-z0-9]{8,32}$';

export interface VaultOptions {
  readonly stored: Readonly<Record<string, string>>;
  readonly random?: RandomSource;
}

/** Holds every secret of one environment. Values leave it only through `values`. */
export interface Vault {
  /** Registers a secret. `given` wins over a stored value, and that over a new one. */
  claim(slot: { name: string; description: string; kind: SecretKind; given?: string }): SecretSlot;
  readonly slots: readonly SecretSlot[];
  /** All values by slot, stored ones that nothing claims any more included. For `secrets.json` only. */
  values(): Record<string, string>;
}

export function createVault(options: VaultOptions): Vault {
  const slots = new Map<string, SecretSlot>();
  const values = new Map<string, string>(Object.entries(options.stored));
  const random = options.random ?? randomBytes;
  return {
    claim({ name, description, kind, given }) {
      const earlier = slots.get(name);
      if (earlier !== undefined) return earlier;
      const stored = Object.hasOwn(options.stored, name) ? options.stored[name] : undefined;
      const origin: SecretOrigin =
        given !== undefined ? 'given' : stored !== undefined ? 'stored' : 'generated';
      values.set(name, given ?? stored ?? generateSecret(lengths[kind], random));
      const slot = { name, description, origin, kind };
      slots.set(name, slot);
      return slot;
    },
    get slots() {
      return [...slots.values()];
    },
    values: () => Object.fromEntries([...values.entries()].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Letters and digits only, at least one upper, one lower, one digit, every character equally likely. */
export function generateSecret(length: number, random: RandomSource): string {
  // A wrong source would otherwise loop for ever; a right one fails all three classes about once in 40 tries.
  for (let attempt = 0; attempt < 1000; attempt++) {
    let text = '';
    for (let draws = 0; text.length < length && draws < 100; draws++) {
      for (const byte of random(length * 2)) {
        // 248 is the largest multiple of 62 below 256: higher bytes would favour the first letters.
        if (byte < 248 && text.length < length) text += alphabet[byte % alphabet.length];
      }
    }
    if (text.length === length && /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text)) return text;
  }
  throw new Error('the random source does not yield random bytes');
}
