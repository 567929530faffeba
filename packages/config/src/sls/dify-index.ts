import type { Config } from '../schema/schema.ts';

/** One indexed key, as the SLS API spells it. */
export interface IndexKey {
  readonly type: 'text' | 'long' | 'double' | 'json';
  readonly doc_value?: boolean;
  readonly caseSensitive?: boolean;
  readonly chn?: boolean;
  readonly token?: readonly string[];
  readonly alias?: string;
}

/** A logstore's index, as the SLS API spells it. */
export interface SlsIndex {
  readonly line?: {
    readonly token: readonly string[];
    readonly caseSensitive?: boolean;
    readonly chn?: boolean;
  };
  readonly keys?: Readonly<Record<string, IndexKey>>;
  /** Dify uses the PostgreSQL protocol only when the answer to GET index says true. */
  readonly scan_index: boolean;
}

/** A logstore to make, with everything decided. */
export interface LogstoreOptions {
  readonly name: string;
  readonly shards: number;
  readonly ttlDays: number;
  readonly index: SlsIndex | undefined;
}

// Dify 1.13 sends the double quote twice; the list is repeated as it is sent.
const token = [
  ...[',', ' ', '"', '"', ';', '=', '(', ')', '[', ']', '{', '}', '?', '@', '&', '<', '>', '/', ':'],
  ...['\n', '\t'],
];

const textKey: IndexKey = { type: 'text', caseSensitive: false, chn: true, doc_value: true, token };

interface KeyLists {
  readonly long: string;
  readonly double: string;
  readonly text: string;
}

const keyLists: Readonly<Record<string, KeyLists>> = {
  workflow_execution: {
    long: 'total_tokens total_steps exceptions_count log_version',
    double: 'elapsed_time',
    text:
      'id tenant_id app_id workflow_id type triggered_from version graph inputs status outputs error ' +
      'created_by_role created_by created_at finished_at error_message started_at',
  },
  workflow_node_execution: {
    long: 'index log_version',
    double: 'elapsed_time',
    text:
      'id tenant_id app_id workflow_id triggered_from workflow_run_id predecessor_node_id node_execution_id ' +
      'node_id node_type title inputs process_data outputs status error execution_metadata created_at ' +
      'created_by_role created_by finished_at',
  },
};

/** Whether Dify makes an index for a logstore of this name. */
export function hasDifyIndex(logstore: string): boolean {
  return Object.hasOwn(keyLists, logstore);
}

/** The index that Dify 1.13 makes for one of its two logstores. */
export function difyIndex(logstore: string): SlsIndex | undefined {
  const lists = keyLists[logstore];
  if (lists === undefined) return undefined;
  const keys: Record<string, IndexKey> = {};
  for (const type of ['long', 'double'] as const) {
    for (const name of lists[type].split(' ')) keys[name] = { type, doc_value: true };
  }
  for (const name of lists.text.split(' ')) keys[name] = textKey;
  return { line: { token, caseSensitive: false, chn: true }, keys, scan_index: true };
}

/** The logstores that `sampan.yaml` asks for, with index and time to live filled in. */
export function logstoresOf({ sls }: Config): LogstoreOptions[] {
  return Object.entries(sls.logstores).map(([name, { shards, ttlDays, index }]) => ({
    name,
    shards,
    ttlDays: ttlDays ?? sls.logstoreTtlDays,
    index: index === 'none' ? undefined : index === 'dify' ? difyIndex(name) : explicitIndex(index),
  }));
}

type Explicit = Exclude<Config['sls']['logstores'][string]['index'], string>;

/** Drops the keys that are present but undefined, which the exact optional types of the SLS API refuse. */
function explicitIndex(index: Explicit): SlsIndex {
  return { ...(JSON.parse(JSON.stringify(index)) as Omit<SlsIndex, 'scan_index'>), scan_index: true };
}
