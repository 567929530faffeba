import type { Problem } from '../problem.ts';
import type { ComponentName } from '../schema/components.ts';
import type { Edition, LoadClass } from '../schema/targets.ts';
import type { InstanceSize, PostgresSize, RedisSize } from './published-sizes.ts';

/** Where a number comes from: a vendor's page, our arithmetic, or the file. */
export type NumberSource = 'published' | 'derived' | 'configured';

/** One number of a plan with its derivation. */
export interface PlanNumber {
  /** Dotted name, unique in the plan: `api.connections`. */
  readonly key: string;
  readonly value: number;
  readonly unit: string;
  /** Symbolic: `api.replicas × api.processes × api.pool`. Every name in it is a key of `inputs`. */
  readonly formula: string;
  readonly inputs: Readonly<Record<string, number | string>>;
  readonly source: NumberSource;
}

/** A rule that a plan keeps, or breaks. `slack` is limit minus actual, negative when broken. */
export interface Invariant {
  readonly key: string;
  readonly title: string;
  /** `clients.connections ≤ 0.9 × postgres.maxConnections`. */
  readonly formula: string;
  readonly actual: number;
  readonly limit: number;
  readonly slack: number;
  readonly unit: string;
  /** tight: over the safe line but under what the server accepts. */
  readonly status: 'holds' | 'tight' | 'broken';
}

/** What a component runs with. */
export interface ComponentPlan {
  readonly name: ComponentName;
  readonly replicas: number;
  /** Operating system processes per replica that hold a pool each. */
  readonly processes: number;
  /** The most connections one process opens. */
  readonly connectionsPerProcess: number;
  /** The most connections all replicas open together. */
  readonly connections: number;
  /** Its environment: the coordinated values only, no address and no secret. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A component's part of the proxy's server connections. */
export interface ProxyShare {
  readonly component: ComponentName | 'other';
  readonly listenPort: number;
  readonly guaranteed: number;
  readonly max: number;
  readonly weight: number;
  readonly queueMax: number;
  readonly queueTimeoutMs: number;
}

export interface ProxyPlan {
  readonly serverConnections: number;
  readonly clientConnectionsMax: number;
  readonly shares: readonly ProxyShare[];
}

/** Services that run as instances in the cloud, whether or not they hold connections. */
export type CloudService = ComponentName | 'nginx' | 'web' | 'sandbox';

/** One service of a target: replicas and size of an instance. */
export interface CloudInstances extends InstanceSize {
  readonly service: CloudService;
  readonly replicas: number;
  readonly source: NumberSource;
}

/** What a target needs beside the applications. */
export interface CloudPlan {
  readonly edition: Edition;
  readonly instances: readonly CloudInstances[];
  /** Absent in the test edition, whose PostgreSQL is an instance like the others. */
  readonly rds: (PostgresSize & { readonly source: NumberSource }) | undefined;
  /** Absent in the test edition. */
  readonly redis: (RedisSize & { readonly source: NumberSource }) | undefined;
  /** Bandwidth of the NAT gateway's address. */
  readonly natMbps: number;
}

/** Everything that follows from a configuration, for the local stack or for one target. */
export interface Plan {
  readonly name: string;
  /** Target's name, or `local`. */
  readonly target: string;
  /** Runs per second the plan is made for. */
  readonly qps: number;
  /** The smallest published class that carries `qps`. */
  readonly loadClass: LoadClass;
  readonly runSeconds: number;
  readonly mode: 'blocking' | 'streaming';
  /** How components reach PostgreSQL. */
  readonly route: 'proxy' | 'direct';
  readonly numbers: readonly PlanNumber[];
  readonly invariants: readonly Invariant[];
  readonly components: readonly ComponentPlan[];
  readonly postgresMaxConnections: number;
  readonly proxy: ProxyPlan | undefined;
  readonly cloud: CloudPlan | undefined;
  /** Broken and tight invariants, and choices that cannot be planned. Errors mean: do not deploy. */
  readonly problems: readonly Problem[];
}

/** The value of `key`, or undefined when the plan has no such number. */
export function planValue(plan: Plan, key: string): number | undefined {
  return plan.numbers.find((number) => number.key === key)?.value;
}
