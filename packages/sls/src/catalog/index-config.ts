import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';

/** `text`, `long` and `double` are columns; `json` is a document whose leaves may be indexed. */
export type IndexKeyType = 'text' | 'long' | 'double' | 'json';

export interface IndexJsonKey {
  readonly type: 'text' | 'long' | 'double';
  readonly alias?: string | undefined;
  readonly doc_value?: boolean | undefined;
}

/** Settings of one field index. `token`, `caseSensitive` and `chn` apply to text and json only. */
export interface IndexKey {
  readonly type: IndexKeyType;
  readonly token?: readonly string[] | undefined;
  readonly caseSensitive?: boolean | undefined;
  readonly chn?: boolean | undefined;
  readonly alias?: string | undefined;
  readonly doc_value?: boolean | undefined;
  readonly index_all?: boolean | undefined;
  readonly max_depth?: number | undefined;
  readonly json_keys?: Readonly<Record<string, IndexJsonKey>> | undefined;
}

export interface IndexLine {
  readonly token: readonly string[];
  readonly caseSensitive?: boolean | undefined;
  readonly chn?: boolean | undefined;
  readonly include_keys?: readonly string[] | undefined;
  readonly exclude_keys?: readonly string[] | undefined;
}

/**
 * The index of a logstore exactly as the client sent it; unknown fields are kept and echoed, because clients
 * compare what they get with what they put.
 */
export interface IndexConfig {
  readonly line?: IndexLine | undefined;
  readonly keys: Readonly<Record<string, IndexKey>>;
  readonly ttl?: number | undefined;
  readonly max_text_len?: number | undefined;
  readonly scan_index?: boolean | undefined;
  readonly log_reduce?: boolean | undefined;
}

const tokenSchema = z.array(z.string());

const jsonKeySchema = z.looseObject({
  type: z.enum(['text', 'long', 'double']),
  alias: z.string().optional(),
  doc_value: z.boolean().optional(),
});

const keySchema = z.looseObject({
  type: z.enum(['text', 'long', 'double', 'json']),
  token: tokenSchema.optional(),
  caseSensitive: z.boolean().optional(),
  chn: z.boolean().optional(),
  alias: z.string().optional(),
  doc_value: z.boolean().optional(),
  index_all: z.boolean().optional(),
  max_depth: z.number().optional(),
  json_keys: z.record(z.string(), jsonKeySchema).optional(),
});

const lineSchema = z.looseObject({
  token: tokenSchema,
  caseSensitive: z.boolean().optional(),
  chn: z.boolean().optional(),
  include_keys: z.array(z.string()).optional(),
  exclude_keys: z.array(z.string()).optional(),
});

const indexSchema = z.looseObject({
  line: lineSchema.optional(),
  keys: z.record(z.string(), keySchema).default({}),
  ttl: z.number().optional(),
  max_text_len: z.number().int().min(64).max(16_384).optional(),
  scan_index: z.boolean().optional(),
  log_reduce: z.boolean().optional(),
});

/** Checks the JSON of CreateIndex or UpdateIndex. Throws the vendor's `IndexInfoInvalid`. */
export function parseIndexConfig(json: unknown): IndexConfig {
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = issue?.path.join('.') ?? '';
    throw slsErrors.indexInfoInvalid(`${place === '' ? 'index' : place} is invalid: ${issue?.message ?? ''}`);
  }
  return parsed.data;
}
