import type { Addresses } from './addresses.ts';
import { devstackErrors } from './errors.ts';

export const environmentFormats = ['shell', 'dotenv', 'json'] as const;
export type EnvironmentFormat = (typeof environmentFormats)[number];

/** The variables that a Dify component started from source needs to use the stack. */
export function environmentOf(addresses: Addresses, component = 'api'): Readonly<Record<string, string>> {
  const chosen = addresses.components.find(({ name }) => name === component);
  if (chosen === undefined) {
    throw devstackErrors.create('DEVSTACK_COMPONENT_UNKNOWN', {
      message: `no component \`${component}\` takes part in the running stack`,
      hint: `choose one of ${addresses.components.map(({ name }) => name).join(', ')}`,
    });
  }
  return chosen.environment;
}

/** Prints variables for a shell to evaluate, for a `.env` file, or as JSON. */
export function formatEnvironment(
  variables: Readonly<Record<string, string>>,
  format: EnvironmentFormat,
): string {
  if (format === 'json') return `${JSON.stringify(variables, null, 2)}\n`;
  const lines = Object.entries(variables).map(([name, value]) =>
    format === 'shell' ? `export ${name}=${quoteForShell(value)}` : `${name}=${quoteForDotenv(value)}`,
  );
  return `${lines.join('\n')}\n`;
}

const plain = /^[A-Za-z0-9_./:@%+,-]*$/;

function quoteForShell(value: string): string {
  return plain.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Readers of `.env` files agree on single quotes, which take everything literally but themselves. */
function quoteForDotenv(value: string): string {
  if (plain.test(value)) return value;
  return value.includes("'") ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `'${value}'`;
}
