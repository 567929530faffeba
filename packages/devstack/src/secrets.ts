import { randomBytes } from 'node:crypto';
import type { StackSecrets } from '@sampan/config';
import { devstackErrors } from './errors.ts';
import { type Layout, readIfPresent, writePrivateJson } from './layout.ts';

const names = ['postgresPassword', 'accessKeyId', 'accessKeySecret'] as const;

/** Reads the stack's credentials, making them on the first start or after the file was deleted. */
export async function ensureSecrets(layout: Layout): Promise<{ secrets: StackSecrets; areNew: boolean }> {
  const text = await readIfPresent(layout.secrets);
  if (text !== undefined) return { secrets: parseSecrets(text, layout.secrets), areNew: false };
  const secrets: StackSecrets = {
    postgresPassword: randomBytes(18).toString('base64url'),
    // The shape of a real pair: 24 and 30 letters and digits.
    accessKeyId: `LTAI5t${randomText(18)}`,
    accessKeySecret: randomText(30),
  };
  await writePrivateJson(layout.secrets, secrets);
  return { secrets, areNew: true };
}

function parseSecrets(text: string, path: string): StackSecrets {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const record = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const [postgresPassword, accessKeyId, accessKeySecret] = names.map((name) => record[name]);
  if (
    typeof postgresPassword !== 'string' ||
    typeof accessKeyId !== 'string' ||
    typeof accessKeySecret !== 'string'
  ) {
    throw devstackErrors.create('DEVSTACK_SECRETS_DAMAGED', {
      message: `${path} does not hold the texts ${names.join(', ')}`,
      hint: 'delete the file to have new credentials made; the data stay',
    });
  }
  return { postgresPassword, accessKeyId, accessKeySecret };
}

function randomText(length: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 is the largest multiple of 62 in a byte; what lies above would favour the first letters.
      if (byte < 248 && text.length < length) text += letters[byte % letters.length];
    }
  }
  return text;
}
