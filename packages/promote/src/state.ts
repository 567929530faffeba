import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RosResource, RosTemplate } from './template/ros.ts';

/** What a promotion made, kept to compare the next one with. It holds no secret: secrets are parameters. */
export interface PromotionState {
  readonly version: 1;
  readonly resources: Readonly<
    Record<string, { readonly type: string; readonly properties: Readonly<Record<string, string>> }>
  >;
  /** Values of parameters that are no secrets, because resources change with them. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly monthlyCost: number | null;
  readonly connections: number;
}

const stateSchema = z.object({
  version: z.literal(1),
  resources: z.record(
    z.string(),
    z.object({ type: z.string(), properties: z.record(z.string(), z.string()) }),
  ),
  parameters: z.record(z.string(), z.string()),
  monthlyCost: z.number().nullable(),
  connections: z.number(),
});

/** Reads the state out of a `report.json`; `undefined` when the text is none. */
export function stateOfReport(text: string): PromotionState | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const state =
      typeof parsed === 'object' && parsed !== null && 'state' in parsed ? parsed.state : undefined;
    const checked = stateSchema.safeParse(state);
    return checked.success ? checked.data : undefined;
  } catch {
    return undefined;
  }
}

/** Fingerprints of every property, so that the state stays small and shows no configuration. */
export function stateOfTemplate(
  template: RosTemplate,
  rest: Omit<PromotionState, 'version' | 'resources'>,
): PromotionState {
  const resources = Object.fromEntries(
    Object.entries(template.Resources).map(([id, resource]) => [
      id,
      { type: resource.Type, properties: fingerprints(resource) },
    ]),
  );
  return { version: 1, resources, ...rest };
}

function fingerprints(resource: RosResource): Record<string, string> {
  return Object.fromEntries(
    Object.entries(resource.Properties).map(([name, value]) => [
      name,
      createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16),
    ]),
  );
}
