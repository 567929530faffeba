/** Text, or the bytes of a value that is not UTF-8. */
export type LogValue = string | Uint8Array;

/** One log. Keys may repeat; order is the order on the wire. */
export interface Log {
  /** Seconds since the Unix epoch (uint32). */
  readonly time: number;
  /** Nanoseconds within the second, when the producer sent them. */
  readonly timeNs?: number;
  readonly contents: readonly (readonly [key: string, value: LogValue])[];
}

/** One PutLogs body: what a producer sends together. */
export interface LogGroup {
  readonly topic: string;
  readonly source: string;
  readonly machineUuid?: string;
  readonly tags: readonly (readonly [key: string, value: LogValue])[];
  readonly logs: readonly Log[];
}
