/** What the emulator counts about itself, in the text format that Prometheus reads. */
export interface Metrics {
  /** A request that was answered. */
  answered(operation: string, status: number, seconds: number): void;
  /** A log group that became durable. */
  wrote(logs: number, bytes: number): void;
  /** A figure that is taken when somebody asks. */
  gauge(name: string, help: string, read: () => number): void;
  text(): string;
}

/** Upper bounds of the buckets of durations, seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Durations {
  /** Per bucket, not summed up; the last one has no bound. */
  readonly counts: number[];
  sum: number;
}

interface Gauge {
  readonly help: string;
  readonly read: () => number;
}

/** The contents of a label between its quotes. */
function labelText(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

export function createMetrics(): Metrics {
  /** By operation, then status; both are sets that the emulator knows, so nothing here grows without bound. */
  const requests = new Map<string, Map<number, number>>();
  const durations = new Map<string, Durations>();
  const gauges = new Map<string, Gauge>();
  const written = { groups: 0, logs: 0, bytes: 0 };

  return {
    answered(operation, status, seconds) {
      const statuses = requests.get(operation) ?? new Map<number, number>();
      requests.set(operation, statuses.set(status, (statuses.get(status) ?? 0) + 1));
      const found = durations.get(operation) ?? { counts: Array(bounds.length + 1).fill(0), sum: 0 };
      durations.set(operation, found);
      const bound = bounds.findIndex((each) => seconds <= each);
      const bucket = bound < 0 ? bounds.length : bound;
      found.counts[bucket] = (found.counts[bucket] ?? 0) + 1;
      found.sum += seconds;
    },
    wrote(logs, bytes) {
      written.groups += 1;
      written.logs += logs;
      written.bytes += bytes;
    },
    gauge(name, help, read) {
      gauges.set(name, { help, read });
    },
    text() {
      const lines: string[] = [];
      const head = (name: string, type: string, help: string): void => {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      };
      head('sampan_sls_requests_total', 'counter', 'Requests answered.');
      for (const [operation, statuses] of requests) {
        for (const [status, count] of statuses) {
          lines.push(
            `sampan_sls_requests_total{operation="${labelText(operation)}",status="${status}"} ${count}`,
          );
        }
      }
      head(
        'sampan_sls_request_duration_seconds',
        'histogram',
        'Time from the head of a request to its answer.',
      );
      for (const [operation, found] of durations) lines.push(...durationLines(labelText(operation), found));
      for (const [name, value, help] of [
        ['sampan_sls_log_groups_written_total', written.groups, 'Log groups made durable.'],
        ['sampan_sls_logs_written_total', written.logs, 'Logs made durable.'],
        ['sampan_sls_bytes_written_total', written.bytes, 'Bytes of log groups made durable, uncompressed.'],
      ] as const) {
        head(name, 'counter', help);
        lines.push(`${name} ${value}`);
      }
      for (const [name, { help, read }] of gauges) {
        head(name, 'gauge', help);
        lines.push(`${name} ${read()}`);
      }
      return `${lines.join('\n')}\n`;
    },
  };
}

function durationLines(operation: string, { counts, sum }: Durations): string[] {
  const name = 'sampan_sls_request_duration_seconds';
  let total = 0;
  const lines = counts.map((count, index) => {
    total += count;
    return `${name}_bucket{operation="${operation}",le="${bounds[index] ?? '+Inf'}"} ${total}`;
  });
  return [
    ...lines,
    `${name}_sum{operation="${operation}"} ${sum}`,
    `${name}_count{operation="${operation}"} ${total}`,
  ];
}
