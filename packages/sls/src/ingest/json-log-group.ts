import { type Log, type LogGroup, slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const bodySchema = z.object({
  __topic__: z.string().nullish(),
  __source__: z.string().nullish(),
  __tags__: z.record(z.string(), value).nullish(),
  __logs__: z.array(z.record(z.string(), value)),
});

/**
 * Parses the JSON form of PutLogs. A log may bring its own `__time__` (seconds) and `__time_ns_part__`; the
 * server's time is taken otherwise. Throws the vendor's `PostBodyInvalid`.
 */
export function parseJsonLogGroup(body: Buffer, nowMs: number): LogGroup {
  const parsed = bodySchema.safeParse(parseJson(body));
  if (!parsed.success) throw slsErrors.postBodyNotJson();
  const { __topic__: topic, __source__: source, __tags__: tags, __logs__: logs } = parsed.data;
  return {
    topic: topic ?? '',
    source: source ?? '',
    tags: Object.entries(tags ?? {}).map(([key, text]) => [key, textOf(text)]),
    logs: logs.map((fields) => logOf(fields, nowMs)),
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw slsErrors.postBodyNotJson();
  }
}

function logOf(fields: Record<string, z.infer<typeof value>>, nowMs: number): Log {
  const { __time__: time, __time_ns_part__: timeNs, ...contents } = fields;
  const seconds = uint32(time) ?? Math.floor(nowMs / 1000);
  const nanoseconds = uint32(timeNs);
  const log = {
    time: seconds,
    contents: Object.entries(contents).map(([key, text]) => [key, textOf(text)] as const),
  };
  return nanoseconds === undefined ? log : { ...log, timeNs: nanoseconds };
}

function textOf(given: z.infer<typeof value>): string {
  return given === null ? '' : String(given);
}

function uint32(given: z.infer<typeof value> | undefined): number | undefined {
  if (given === undefined || given === null || given === '') return undefined;
  const number = Number(given);
  return Number.isInteger(number) && number >= 0 && number < 2 ** 32 ? number : undefined;
}
