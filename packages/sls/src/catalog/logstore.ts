import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';
import { type Shard, shardSchema } from './shards.ts';

/** Fields of a logstore that a client may set, under the vendor's names. */
export interface LogstoreSettings {
  /** Days; 3650 = for ever. */
  readonly ttl: number;
  readonly enable_tracking: boolean;
  readonly autoSplit: boolean;
  readonly maxSplitShard: number;
  readonly appendMeta: boolean;
  readonly telemetryType: string;
  readonly mode: 'standard' | 'query' | 'lite';
  readonly hot_ttl?: number | undefined;
  readonly infrequentAccessTTL?: number | undefined;
  readonly encrypt_conf?: unknown;
  readonly productType: string;
  readonly processorId?: string | undefined;
}

/** A logstore as it is kept. Times are seconds since the Unix epoch. */
export interface Logstore extends LogstoreSettings {
  /** Names its data; a logstore made anew under an old name has another one. */
  readonly uid: string;
  readonly project: string;
  readonly logstoreName: string;
  readonly shards: readonly Shard[];
  readonly createTime: number;
  readonly lastModifyTime: number;
}

const settingsShape = {
  ttl: z.number(),
  enable_tracking: z.boolean(),
  autoSplit: z.boolean(),
  maxSplitShard: z.number(),
  appendMeta: z.boolean(),
  telemetryType: z.string(),
  mode: z.enum(['standard', 'query', 'lite']),
  hot_ttl: z.number().optional(),
  infrequentAccessTTL: z.number().optional(),
  encrypt_conf: z.unknown().optional(),
  productType: z.string(),
  processorId: z.string().optional(),
};

export const logstoreSchema = z.object({
  ...settingsShape,
  uid: z.string().regex(/^[0-9a-f]+$/),
  project: z.string(),
  logstoreName: z.string(),
  shards: z.array(shardSchema).min(1),
  createTime: z.number(),
  lastModifyTime: z.number(),
});

/** Any field may be absent or null; names that the service knows but that change nothing here are let pass. */
const inputSchema = z.object({
  logstoreName: z.string().nullish(),
  ttl: z.number().int().nullish(),
  shardCount: z.number().int().nullish(),
  enable_tracking: z.boolean().nullish(),
  autoSplit: z.boolean().nullish(),
  maxSplitShard: z.number().int().nullish(),
  appendMeta: z.boolean().nullish(),
  telemetryType: z.string().nullish(),
  mode: z.enum(['standard', 'query', 'lite', '']).nullish(),
  hot_ttl: z.number().int().nullish(),
  infrequentAccessTTL: z.number().int().nullish(),
  encrypt_conf: z.unknown().optional(),
  productType: z.string().nullish(),
  processorId: z.string().nullish(),
});

/** Body of CreateLogStore and UpdateLogStore; what is absent stays as it is or takes its default. */
export type LogstoreInput = {
  [Name in keyof z.infer<typeof inputSchema>]?: z.infer<typeof inputSchema>[Name];
};

const defaults: LogstoreSettings = {
  ttl: 30,
  enable_tracking: false,
  autoSplit: false,
  maxSplitShard: 64,
  appendMeta: false,
  telemetryType: '',
  mode: 'standard',
  productType: '',
};

export const shardCountDefault = 2;

/** Parses the JSON of CreateLogStore or UpdateLogStore. Throws the vendor's `LogStoreInfoInvalid`. */
export function parseLogstoreInput(json: unknown): LogstoreInput {
  const parsed = inputSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw slsErrors.logStoreInfoInvalid(`${issue?.path.join('.') || 'body'} is invalid`);
}

/**
 * The settings after `input` has been laid over `before` (absent at creation). Throws the vendor's sentence for
 * the first value out of range.
 */
export function mergeSettings(input: LogstoreInput, before: LogstoreSettings = defaults): LogstoreSettings {
  const given = Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== undefined && value !== null),
  ) as Partial<LogstoreInput>;
  const merged: LogstoreSettings = {
    ttl: given.ttl ?? before.ttl,
    enable_tracking: given.enable_tracking ?? before.enable_tracking,
    autoSplit: given.autoSplit ?? before.autoSplit,
    // Clients that do not split send 0 here.
    maxSplitShard: given.maxSplitShard || before.maxSplitShard,
    appendMeta: given.appendMeta ?? before.appendMeta,
    telemetryType: given.telemetryType ?? before.telemetryType,
    mode: given.mode || before.mode,
    hot_ttl: given.hot_ttl ?? before.hot_ttl,
    infrequentAccessTTL: given.infrequentAccessTTL ?? before.infrequentAccessTTL,
    encrypt_conf: given.encrypt_conf ?? before.encrypt_conf,
    productType: given.productType ?? before.productType,
    processorId: given.processorId ?? before.processorId,
  };
  checkSettings(merged, before !== defaults);
  return merged;
}

function checkSettings(settings: LogstoreSettings, isUpdate: boolean): void {
  const { ttl, maxSplitShard, telemetryType } = settings;
  if (ttl < 1 || ttl > 3650) throw slsErrors.logStoreInfoInvalid('ttl value is out of range');
  if (maxSplitShard < 1 || maxSplitShard > 256) {
    throw slsErrors.logStoreInfoInvalid('maxSplitShard must be within range [1, 256]');
  }
  if (telemetryType === 'Metrics') throw slsErrors.notEmulated('telemetryType Metrics (a metric store)');
  checkTiers(settings, isUpdate);
  checkEncryption(settings.encrypt_conf);
}

/** 0 and -1 say that everything stays hot. */
const hotDaysMin = 7;

function checkTiers(settings: LogstoreSettings, isUpdate: boolean): void {
  const { ttl, hot_ttl: hot = -1, infrequentAccessTTL: infrequent = 0 } = settings;
  if (hot < -1 || (hot > 0 && (hot < hotDaysMin || hot > ttl))) {
    throw slsErrors.logStoreInfoInvalid('hot_ttl value is out of range');
  }
  if (infrequent === 0) return;
  if (infrequent < 30) throw slsErrors.logStoreInfoInvalid('infrequentAccessTTL must large than 30');
  // What is neither hot nor infrequent is archived, and that tier has a minimum of its own.
  const archive = hot <= 0 ? 0 : ttl - hot - infrequent;
  if (archive <= 0 || archive >= 60) return;
  throw isUpdate
    ? slsErrors.parameterInvalid('archiveTtl must larger than 60')
    : slsErrors.logStoreInfoInvalid('archiveTTL must large than 60');
}

const encryptionSchema = z.object({
  enable: z.boolean().optional(),
  encrypt_type: z.union([z.literal(''), z.string().regex(/^(default|m4|sm4(_\w+)?|aes_\w+)$/)]).nullish(),
  user_cmk_info: z
    .object({ cmk_key_id: z.string(), arn: z.string(), region_id: z.string() })
    .partial()
    .nullish(),
});

function checkEncryption(given: unknown): void {
  if (given === undefined || given === null) return;
  const parsed = encryptionSchema.safeParse(given);
  if (parsed.success) return;
  const path = ['encrypt_conf', ...(parsed.error.issues[0]?.path ?? [])].join('.');
  throw slsErrors.logStoreInfoInvalid(`${path} is invalid`);
}
