import { SlsError, slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';

/** Which requests a fault meets; what is absent matches all. */
const matchSchema = z
  .strictObject({
    project: z.string(),
    logstore: z.string(),
    /** The vendor's name of one action, or several: `PutLogs`, `GetLogs`, `PullLogs`. */
    operation: z.union([z.string(), z.array(z.string()).min(1)]),
  })
  .partial();

const milliseconds = z.number().min(0).max(3_600_000);

const effectSchema = z.discriminatedUnion('kind', [
  /** The service's error instead of an answer; `after` = the request takes effect and the answer is lost. */
  z.strictObject({
    kind: z.literal('error'),
    code: z.string().min(1),
    status: z.number().int().min(400).max(599).optional(),
    message: z.string().optional(),
    when: z.enum(['before', 'after']).optional(),
  }),
  /** The connection is closed without an answer. */
  z.strictObject({ kind: z.literal('disconnect'), when: z.enum(['before', 'after']).optional() }),
  /** The answer comes later. */
  z.strictObject({ kind: z.literal('latency'), ms: milliseconds, jitterMs: milliseconds.optional() }),
  /** GetLogs and GetHistograms say `Incomplete`. */
  z.strictObject({ kind: z.literal('incomplete') }),
  /** Writes beyond a rate are refused as the service does; by default with its limits of a shard. */
  z.strictObject({
    kind: z.literal('quota'),
    per: z.enum(['shard', 'logstore', 'project']).optional(),
    bytesPerSecond: z.number().positive().optional(),
    writesPerSecond: z.number().positive().optional(),
  }),
  /** What is written can be searched only later. Consumers get it at once. */
  z.strictObject({ kind: z.literal('lateVisibility'), ms: milliseconds }),
  /** The server's clock is wrong by this much; positive = it is fast. Meets everything. */
  z.strictObject({ kind: z.literal('clockSkew'), ms: z.number().min(-86_400_000).max(86_400_000) }),
]);

export const faultRuleSchema = z.strictObject({
  match: matchSchema.optional(),
  effect: effectSchema,
  /** Chance that a matching request meets the fault; default 1. */
  probability: z.number().min(0).max(1).optional(),
  /** The fault is removed after it has been met this often. */
  times: z.number().int().positive().optional(),
  /** So many matching requests pass first. */
  skip: z.number().int().positive().optional(),
  /** Makes the draws of `probability` and `jitterMs` repeatable; default 1. */
  seed: z.number().int().optional(),
});

/** A fault to inject, as plain data. */
export type FaultRule = z.infer<typeof faultRuleSchema>;
export type FaultEffect = FaultRule['effect'];

/** The service's limits of one shard. */
export const shardQuota = { bytesPerSecond: 5 * 1024 * 1024, writesPerSecond: 500 } as const;

/** Status and sentence of the codes that clients treat in a way of their own. */
const knownErrors: Readonly<Record<string, readonly [status: number, message: string]>> = {
  WriteQuotaExceed: [403, 'Project write quota exceed: qps'],
  ReadQuotaExceed: [403, 'Project read quota exceed: qps'],
  ShardWriteQuotaExceed: [403, 'Shard write quota exceed'],
  ShardReadQuotaExceed: [403, 'Shard read quota exceed'],
  ExceedQuota: [403, 'quota exceed'],
  ProjectForbidden: [403, 'The project has been forbidden'],
  Unauthorized: [401, 'denied by sts or ram'],
  SignatureNotMatch: [401, 'signature not match'],
  SecurityTokenExpired: [401, 'The security token has expired'],
  InternalServerError: [500, slsErrors.internalServerError().errorMessage],
  ServerBusy: [503, slsErrors.serverBusy().errorMessage],
  RequestTimeout: [500, 'request timeout'],
};

/** The error that an `error` effect answers with; a code that is not known here needs a status. */
export function errorOfEffect(effect: Extract<FaultEffect, { kind: 'error' }>): SlsError {
  const [status, message] = knownErrors[effect.code] ?? [500, effect.code];
  return new SlsError(effect.status ?? status, effect.code, effect.message ?? message);
}

/** The refusal of a write beyond a quota. */
export function quotaError(per: 'shard' | 'logstore' | 'project', exceeded: 'bytes' | 'writes'): SlsError {
  if (per === 'shard') return errorOfEffect({ kind: 'error', code: 'ShardWriteQuotaExceed' });
  const message = `Project write quota exceed: ${exceeded === 'bytes' ? 'inflow' : 'qps'}`;
  return errorOfEffect({ kind: 'error', code: 'WriteQuotaExceed', message });
}
