import type { CloudInstances, Plan, TargetConfig } from '@sampan/config';
import type { ComposeProject, ComposeService, EnvironmentVariable } from '../compose/model.ts';
import type { Position } from '../compose/tree.ts';
import type { RosValue } from '../template/ros.ts';
import type { Role } from './roles.ts';

/** A variable of an application after the promotion. */
export interface WantVariable {
  readonly name: string;
  readonly value: RosValue;
  readonly isSecret: boolean;
  /** Anchor or env file it was shared through; `undefined` for the service's own. */
  readonly sharedBy: string | undefined;
}

export interface WantProbe {
  readonly httpGet?: { readonly path: string; readonly port: number; readonly scheme: 'HTTP' | 'HTTPS' };
  readonly exec?: { readonly command: readonly string[] };
  readonly tcpSocket?: { readonly port: number };
  readonly initialDelaySeconds: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export interface WantMount {
  /** Identity of the NAS file system: volume name or host path as written. */
  readonly volume: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
}

export interface WantFile {
  readonly mountPath: string;
  readonly key: string;
  readonly text: string;
}

export interface WantScaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly cpuPercent: number;
  /** Open connections per instance; streams keep them open, so this measures them best. */
  readonly tcpConnections?: number;
}

/** One SAE application. */
export interface WantApplication {
  readonly service: string;
  readonly role: Role;
  /** AppName and private host name. */
  readonly name: string;
  readonly image: string;
  readonly cpu: number;
  readonly memory: number;
  readonly replicas: number;
  readonly sizeSource: 'published' | 'derived' | 'configured' | 'compose' | 'default';
  readonly scaling: WantScaling | undefined;
  readonly command: string | undefined;
  readonly commandArgs: readonly string[] | undefined;
  readonly variables: readonly WantVariable[];
  readonly ports: readonly number[];
  readonly mounts: readonly WantMount[];
  readonly files: readonly WantFile[];
  readonly readiness: WantProbe | undefined;
  readonly liveness: WantProbe | undefined;
  readonly hostAliases: readonly { readonly hostName: string; readonly ip: string }[];
  readonly graceSeconds: number | undefined;
  readonly postStart: readonly string[] | undefined;
  readonly preStop: readonly string[] | undefined;
  readonly language: 'python' | 'golang' | 'other';
  /** Services that must exist first. */
  readonly dependsOn: readonly string[];
}

export interface WantDatabase {
  readonly class: string;
  readonly storageGb: number;
  readonly engineVersion: string;
  readonly databases: readonly string[];
  readonly maxConnections: number;
}

/** What the target shall contain: the cloud's side of the promotion, before it is written as a template. */
export interface Want {
  readonly prefix: string;
  readonly isDify: boolean;
  readonly applications: readonly WantApplication[];
  readonly database: WantDatabase | undefined;
  readonly redis: { readonly class: string } | undefined;
  readonly usesTablestore: boolean;
  /** Workflow records of Dify go to SLS. */
  readonly usesSls: boolean;
  /** Standard output of every application goes to SLS. */
  readonly collectsLogs: boolean;
  readonly logstores: readonly WantLogstore[];
  readonly edge: { readonly service: string; readonly port: number } | undefined;
  readonly volumes: readonly string[];
  readonly natMbps: number;
}

export interface WantLogstore {
  readonly name: string;
  readonly ttlDays: number;
  readonly shards: number;
}

/** A secret of the input that protects nothing, with what was done about it. */
export interface WeakSecret {
  readonly variable: string;
  readonly service: string;
  readonly position: Position;
  readonly path: string;
  readonly why: string;
  readonly outcome: 'replaced' | 'kept';
  readonly slot: string | undefined;
}

/** A value that names a service which does not exist after the promotion. */
export interface DeadReference {
  readonly variable: EnvironmentVariable;
  readonly service: string;
  readonly names: readonly string[];
}

/** What findings may look at. */
export interface Promotion {
  readonly project: ComposeProject;
  readonly targetName: string;
  readonly target: TargetConfig;
  readonly plan: Plan;
  readonly instances: readonly CloudInstances[];
  readonly roles: ReadonlyMap<string, Role>;
  readonly services: readonly ComposeService[];
  readonly want: Want;
  readonly weakSecrets: readonly WeakSecret[];
  readonly deadReferences: readonly DeadReference[];
  /** Commands, probes and files that hold a secret in plain text. */
  readonly exposedSecrets: readonly {
    readonly service: string;
    readonly where: string;
    readonly position: Position;
  }[];
}
